"""Stores: local disk, and its sibling in memory."""
