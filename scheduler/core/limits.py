"""How much people may type where several features read it."""

LONGEST_NOTES = 1000
