"""Workshops: sessions in which several people each take a seat."""
