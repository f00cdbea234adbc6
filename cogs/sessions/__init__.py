"""Sessions as their coach and student handle them: list, reschedule, cancel, meet, mark no-shows."""
