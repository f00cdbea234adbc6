"""`/book`: coach, day, time, notes, confirm."""
