"""What a repository loads: finds, fetches and verifies packages, and answers."""
