"""Which names are those of an item and its versions."""


def is_version_of(item_id: str, name: str | None) -> bool:
    """Whether a name is that of an item, or of a package of it."""
    start, _, revision = (name or "").rpartition(".v")
    return name == item_id or (start == item_id and revision.isdecimal())
