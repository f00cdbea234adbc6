"""What admins and operators can look up."""
