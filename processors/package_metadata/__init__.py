"""The metadata files of a package: METS, PREMIS, MODS and Dublin Core."""
