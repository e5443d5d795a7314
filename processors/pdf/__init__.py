"""Writes PDF/A-2u files: page images with their text, from ALTO."""
