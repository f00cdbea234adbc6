"""What people pay with in the demo: an account like one at Stripe, and what it knew before."""
