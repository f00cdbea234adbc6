"""Becoming a coach and being one."""
