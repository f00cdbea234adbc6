"""Weekly lessons: asking for them, answering, and changing one lesson or all that follow."""
