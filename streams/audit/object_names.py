"""The names of files in events: `sha256:` and the digest of their bytes."""

PREFIX = "sha256:"


def file_name(sha256: str) -> str:
    """The name of the file with a digest."""
    return PREFIX + sha256


def is_file_name(name: str) -> bool:
    """Whether the object of an event is a file."""
    return name.startswith(PREFIX)


def digest_in(name: str) -> str:
    """The digest in the name of a file; another name is as it is."""
    return name.removeprefix(PREFIX)
