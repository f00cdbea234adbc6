"""Limits on what people type, shared by several features."""

LONGEST_NOTES = 1000
