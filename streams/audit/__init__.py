"""Queries of the projected audit log for auditors."""
