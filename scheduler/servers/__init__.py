"""A server's settings and what the bot needs there."""
