"""Image files: formats, headers, structure, colour, decoding and derivatives."""
