"""Language models that make suggestions about pages."""
