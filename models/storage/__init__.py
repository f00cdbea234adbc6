"""The database itself: engines, locks, copies, and which schema it has."""
