"""Coaches: applying, profiles, specialties, suspensions and blocks."""
