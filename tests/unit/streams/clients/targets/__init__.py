"""Tests of the colour targets."""
