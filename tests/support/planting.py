"""How faults are planted into a sound batch, and the register they are entered in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.valid_batches import Batch, Json

Told = list[tuple[str, str]]
"""Codes and places."""
NEVER_STAGED = "e" * 64


@dataclass(frozen=True)
class Site:
    """Where a fault is planted: a batch, an item of its own, or a page of its own."""

    batch: Batch
    where: str = ""
    item: Json | None = None
    page: Json | None = None
    first: Json | None = None
    """First page of the page's item, in which nothing is planted."""


@dataclass(frozen=True)
class Fault:
    """One way to spoil a batch."""

    name: str
    level: str
    """document, batch, item, page, structured (an item with a METS)."""
    plant: Callable[[Site], Told]


CATALOGUE: dict[str, Fault] = {}


def fault(level: str, name: str = "") -> Callable[[Callable[[Site], Told]], Callable[..., Told]]:
    def add(plant: Callable[[Site], Told]) -> Callable[[Site], Told]:
        called = name or plant.__name__.replace("_", " ")
        CATALOGUE[called] = Fault(called, level, plant)
        return plant

    return add


def setting(level: str, code: str, field: str, value: Any, place: str | None = None) -> None:
    """A fault that is one field set to a value."""

    def plant(site: Site) -> Told:
        part: Any = site.page if site.page is not None else site.item
        part = site.batch.body if part is None else part
        *above, last = field.split(".")
        for name in above:
            part = part.setdefault(name, {}) if part.get(name) is not None else _new(part, name)
        part[last] = value
        if value == NEVER_STAGED:
            part.pop("vendor_checksums", None)  # They would be those of another file.
        where = f"{site.where}.{field if place is None else place}".removeprefix(".")
        return [(code, where)]

    called = f"{code} ({level}.{field})"
    CATALOGUE[called] = Fault(called, level, plant)


def _new(part: Json, name: str) -> Json:
    part[name] = {}
    return dict.__getitem__(part, name)
