"""The sealer role: puts all PREMIS events into one order."""
