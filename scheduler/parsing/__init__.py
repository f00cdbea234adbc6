"""What people type: hours, dates, durations, money; pure."""
