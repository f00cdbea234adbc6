"""Messages to send: kept until delivered, reminders, and alerts for admins."""
