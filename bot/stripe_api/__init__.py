"""The domain's Stripe port, done with the library `stripe` (extra `payments`), which is loaded when it's used."""
