"""What auditors ask of the projection."""
