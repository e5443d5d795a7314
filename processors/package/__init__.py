"""What a package is made of: its record, its layout, the bag and the tar."""
