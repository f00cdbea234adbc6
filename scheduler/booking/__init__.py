"""Holding, booking, cancelling and rescheduling, and who may."""
