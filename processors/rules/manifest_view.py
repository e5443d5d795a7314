"""Tolerant access to a manifest: values of the wrong type are skipped, the others are checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from processors import profile

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ManifestPath:
    """A part of a manifest, with its location."""

    where: str
    value: Body

    def text(self, name: str) -> str | None:
        """A field, if it is text."""
        value = self.value.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A field, if it is an integer."""
        value = self.value.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def listed(self, name: str) -> list[Any]:
        """A field, if it is a list; else an empty list."""
        value = self.value.get(name)
        return value if isinstance(value, list) else []

    def inner(self, name: str) -> "ManifestPath | None":
        """A field, if it is an object."""
        value = self.value.get(name)
        return ManifestPath(f"{self.where}.{name}", value) if isinstance(value, dict) else None

    def entries(self, name: str) -> "Iterator[ManifestPath]":
        """The objects in a list."""
        above = f"{self.where}.{name}".removeprefix(".")
        for index, value in enumerate(self.listed(name)):
            if isinstance(value, dict):
                yield ManifestPath(f"{above}[{index}]", value)


@dataclass(frozen=True)
class View:
    """The readable parts of a manifest."""

    body: Body
    profiles: Path | None = None
    """The institution's own profiles."""

    @cached_property
    def top(self) -> ManifestPath:
        """The manifest itself."""
        return ManifestPath("", self.body)

    @cached_property
    def items(self) -> tuple[ManifestPath, ...]:
        """The items that are objects."""
        return tuple(self.top.entries("items"))

    @property
    def pages(self) -> Iterator[tuple[ManifestPath, tuple[ManifestPath, ...]]]:
        """Each item with its pages, not cached, because a batch may have 200,000."""
        return ((item, tuple(item.entries("pages"))) for item in self.items)

    @cached_property
    def profile(self) -> profile.ProfileLookup:
        """The result of looking up the scanner profile."""
        return profile.look_up(self.top.text("scanner_profile"), self.profiles)


def files_of(item: ManifestPath, pages: tuple[ManifestPath, ...]) -> Iterator[ManifestPath]:
    """The files of an item: records, then each page and its text.

    A file whose images are pages is one file; that of an image that is listed twice, too."""
    for record in item.entries("metadata"):
        if file := record.inner("file"):
            yield file
    images: dict[tuple[str | None, str | None], set[int]] = {}
    for page in pages:
        for name in ("file", "text"):
            file, image = page.inner(name), page.number("image")
            if file is None:
                continue
            if name == "file" and image is not None:
                known = images.setdefault((file.text("path"), file.text("sha256")), set())
                is_other_image = bool(known) and image not in known
                known.add(image)
                if is_other_image:
                    continue
            yield file


def ref_of(page: ManifestPath) -> str | None:
    """The ref of a page if given, else its sequence in four digits."""
    if page.value.get("ref") is not None:
        return page.text("ref")
    sequence = page.number("sequence")
    return None if sequence is None else f"{sequence:04d}"
