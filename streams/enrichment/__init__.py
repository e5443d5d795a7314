"""The enrichment role: runs models on pages of completed items, beside the line."""
