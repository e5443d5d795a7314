"""Proof that a sender stored the files that it names."""
