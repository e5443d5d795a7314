"""The metadata files of a package: METS, PREMIS, MODS, Dublin Core."""
