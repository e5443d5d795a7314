"""The client of a repository: lists, fetches and verifies packages, and answers."""
