"""A manifest as far as it can be read: what has the wrong shape is left out, the rest is judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A part of the manifest and where it stands."""

    where: str
    value: Body

    def text(self, name: str) -> str | None:
        """A field, when it is text."""
        value = self.value.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A field, when it is a whole number."""
        value = self.value.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def inner(self, name: str) -> "Place | None":
        """A field, when it is an object."""
        value = self.value.get(name)
        return Place(f"{self.where}.{name}", value) if isinstance(value, dict) else None

    def entries(self, name: str) -> "Iterator[Place]":
        """The objects in a list."""
        found = self.value.get(name)
        for index, value in enumerate(found if isinstance(found, list) else ()):
            if isinstance(value, dict):
                yield Place(f"{self.where}.{name}[{index}]".removeprefix("."), value)


@dataclass(frozen=True)
class View:
    """All that can be read of a manifest."""

    body: Body

    @cached_property
    def top(self) -> Place:
        """The manifest itself."""
        return Place("", self.body)

    @cached_property
    def items(self) -> tuple[Place, ...]:
        """The items that are objects."""
        return tuple(self.top.entries("items"))

    @cached_property
    def pages(self) -> tuple[tuple[Place, tuple[Place, ...]], ...]:
        """Each item with its pages."""
        return tuple((item, tuple(item.entries("pages"))) for item in self.items)

    @cached_property
    def page_files(self) -> tuple[Place, ...]:
        """Files of pages."""
        found = (page.inner("file") for _, pages in self.pages for page in pages)
        return tuple(file for file in found if file)

    @cached_property
    def record_files(self) -> tuple[Place, ...]:
        """Files of records."""
        records = (record for item in self.items for record in item.entries("metadata"))
        return tuple(file for file in (record.inner("file") for record in records) if file)


def ref_of(page: Place) -> str | None:
    """A page's ref as it will be: as given, else its sequence in four digits."""
    if page.value.get("ref") is not None:
        return page.text("ref")
    sequence = page.number("sequence")
    return None if sequence is None else f"{sequence:04d}"
