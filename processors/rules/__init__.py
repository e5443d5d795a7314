"""The checks of a manifest in pre-flight."""
