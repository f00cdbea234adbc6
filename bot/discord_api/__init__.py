"""The scheduler's ports, implemented with discord.py."""
