"""The projector role: copies the sealed log to PostgreSQL."""
