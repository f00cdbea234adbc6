"""What becomes of weekly lessons: one that's skipped or comes back, another hour, a pause, the end."""
