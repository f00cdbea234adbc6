"""Engines, locks, backups and schema checks."""
