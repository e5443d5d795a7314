"""What a station loads: reads a folder, checks it, submits it."""
