"""Masters: their formats, headers and resolution, and decoding them whole."""
