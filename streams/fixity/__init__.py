"""Fixity that goes on: objects of the store are read again, failures recorded and repaired."""
