"""Holding, booking, cancelling and rescheduling, and who can."""
