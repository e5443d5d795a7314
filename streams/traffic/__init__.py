"""Limits of traffic: how many bytes of each class pass in a second, and which class goes first."""
