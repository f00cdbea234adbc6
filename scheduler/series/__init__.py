"""Weekly lessons: what was agreed, the lessons that follow, and what becomes of them."""
