"""Faults at every single system call of each place where something is promised to be on disk."""
