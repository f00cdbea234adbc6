"""A session's life: what it needs next, and how it's found."""
