"""Sessions' rooms on Discord."""
