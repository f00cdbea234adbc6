"""Payments by card, through Stripe. Nothing of a card ever reaches us."""
