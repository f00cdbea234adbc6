"""When coaches can be booked, and how they change it."""
