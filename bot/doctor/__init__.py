"""`coachbot doctor`: checks everything the bot needs, without changing anything."""
