"""Benchmarks: run on request, never asserted."""
