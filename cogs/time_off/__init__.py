"""Time off: closures of a server, and coaches who are away."""
