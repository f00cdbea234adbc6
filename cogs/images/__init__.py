"""Pictures of weeks and statistics, and their descriptions in words."""
