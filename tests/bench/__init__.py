"""How fast things are: measured when somebody asks, never asserted."""
