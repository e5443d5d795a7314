"""What pre-flight asks of a manifest: one table of checks, and the codes of what they find."""
