"""The rules of coaching: what can be booked, what a session needs next, who has to be told."""
