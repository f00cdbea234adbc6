"""`coachbot doctor`: whether everything is as the bot needs it, found out without changing anything."""
