"""Intervals, clock changes and time zones; pure."""
