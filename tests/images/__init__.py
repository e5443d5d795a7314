"""Sound images of many writers, which are accepted, and holes in them, which are found."""
