"""Pictures: what they show, the same in words, and how they're drawn."""
