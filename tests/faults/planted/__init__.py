"""A line in one process, its defects and who sees them."""
