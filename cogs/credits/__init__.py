"""`/credits`, and credit for admins: packages, minutes by role, what people have, and the messages about it."""
