"""The waiting list: students say what would suit them, and time that becomes free is offered to them in turn."""
