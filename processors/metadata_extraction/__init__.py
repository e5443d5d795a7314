"""What an image file says of itself: read by exiftool, kept whole, put into MIX and Dublin Core."""
