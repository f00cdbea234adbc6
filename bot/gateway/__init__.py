"""Records what Discord's gateway reports, in order."""
