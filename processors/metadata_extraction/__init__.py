"""Embedded metadata of masters, read with exiftool and written as JSON, MIX and Dublin Core."""
