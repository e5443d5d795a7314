"""Measures the colour targets of a session."""
