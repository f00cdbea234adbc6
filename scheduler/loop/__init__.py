"""The background loop: when it ticks and what a tick does."""
