"""Defects as they happen: each is put into the line's own code, and named for what went wrong.

Beside each stands a rule that must tell of it; a checker that tells more is welcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg.sql import SQL

from streams.tracker import unit_of_work
from tests.faults.planted.world import World

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch, World], None]


@dataclass(frozen=True)
class Defect:
    """One way to get it wrong."""

    name: str
    rule: str
    """Checker and rule that must tell of it."""
    plant: Plant


DEFECTS: dict[str, Defect] = {}


def defect(rule: str) -> Callable[[Plant], Plant]:
    def add(plant: Plant) -> Plant:
        name = plant.__name__.replace("_", " ")
        DEFECTS[name] = Defect(name, rule, plant)
        return plant

    return add


def altered_query(patch: Patch, name: str, old: str, new: str) -> None:
    """A query of the tracker's with other words in it."""
    text = unit_of_work.query(name).as_string()
    assert old in text, f"{name} reads otherwise now"

    def altered(wanted: str) -> SQL:
        return SQL(text.replace(old, new)) if wanted == name else before(wanted)

    before = unit_of_work.query
    for module in ("unit_of_work", "process_manager", "outbox_relay"):
        patch.setattr(f"streams.tracker.{module}.query", altered)


def wrapped(patch: Patch, owner: object, name: str, around: Callable[..., Any]) -> None:
    """A function that is called through another, which gets it as its first argument."""
    inner = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **named: around(inner, *args, **named))
