"""The client of a station: reads a folder, checks it and submits it."""
