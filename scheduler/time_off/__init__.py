"""Time off: when a server is closed, and what becomes of the sessions then."""
