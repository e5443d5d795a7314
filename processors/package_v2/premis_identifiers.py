"""Identifiers in the PREMIS of a package: unique beyond the package, and of one type."""

from processors.package.item_record import ItemRecord
from processors.package.layout import METADATA
from processors.xml.compact import element, leaf
from schemas.ids import package_id

OWN = "copystand"
DIGEST = "SHA-256"
UUID = "UUID"
METS = f"{METADATA}/mets.xml"
"""The file that represents the item. An event that is not about certain files names it."""


def identifier(name: str, kind: str, value: str, *more: str | None) -> str:
    """An identifier element with its type and value."""
    return element(name, leaf(f"{name}Type", kind), leaf(f"{name}Value", value), *more)


class Names:
    """The identifiers of the objects of a package."""

    def __init__(self, item: ItemRecord) -> None:
        self.item = item.item_id
        self.package = package_id(item.item_id, item.completed.head.revision)
        self.rights = f"{self.package}/rights"

    def file(self, path: str) -> str:
        """The identifier of a file: package and path."""
        return f"{self.package}/{path}"

    def image(self, path: str, number: int | None) -> str:
        """The identifier of one image of a file."""
        return f"{self.file(path)}#image={number}"
