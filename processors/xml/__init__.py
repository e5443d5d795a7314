"""Reads untrusted XML safely, validates it against schemas, and writes it reproducibly."""
