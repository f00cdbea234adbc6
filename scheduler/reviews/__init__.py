"""Reviews of sessions: stars and comments."""
