"""What is left of a home when the power fails while objects and receipts are kept."""
