"""`/coaching setup` and everything else that admins configure."""
