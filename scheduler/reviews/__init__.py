"""Stars and comments."""
