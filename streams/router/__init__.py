"""The router role: the entry point for messages of external clients (Faust)."""
