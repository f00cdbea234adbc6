"""Pure functions for intervals, clock changes and time zones."""
