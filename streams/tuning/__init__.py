"""Measures a machine and derives the settings that fit a line to it."""
