"""What people see and press: commands, panels, forms and the words of notifications."""
