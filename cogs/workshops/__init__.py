"""`/workshop`: announcing workshops, taking and leaving seats, and what their coach does with them."""
