"""Reviews: writing them and reading them."""
