"""Seeded misfortunes over a real line with three brokers: what happens, to whom, and what is told."""
