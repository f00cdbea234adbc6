"""Credits: minutes that students buy or are given, and what sessions take from them."""
