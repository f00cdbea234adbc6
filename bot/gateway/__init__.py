"""What Discord's gateway reports, recorded in the database in order."""
