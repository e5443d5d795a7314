"""Reading and writing the XML of packages: METS, PREMIS, MODS, Dublin Core."""
