"""What admins and operators look up."""
