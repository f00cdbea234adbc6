"""`/availability`: a coach's hours as a picture with buttons under it."""
