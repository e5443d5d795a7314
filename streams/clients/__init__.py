"""What strangers use: the station that submits, the repository that fetches."""
