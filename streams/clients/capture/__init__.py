"""Captures: pages from a scanner into a folder that `station submit` takes."""
