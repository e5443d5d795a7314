"""The item record, layout, bag and tar of a package."""
