"""Who came, and what follows from it."""
