"""What each database role may do with each table, as the migrations grant it."""

import re
from dataclasses import dataclass
from functools import cache

from infra.migrate import FOLDER

READ, INSERT, UPDATE, DELETE, TRUNCATE = "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"
OPERATIONS = (READ, INSERT, UPDATE, DELETE, TRUNCATE)
ROLES = {
    "tracker": "The tracker; `enrichment`; `person`; `fixity`; free texts; the station.",
    "projector": "The projector.",
    "auditor_ro": "All commands that list or show something.",
}
COLUMNS = {
    "audit.projector_position": ("last_seq", "next_offset", "waits_for", "topic"),
    "audit.foreign_rows": ("reported",),
}
"""The columns that the projector may change in tables whose other columns it may only read."""
GRANTED: dict[tuple[str, str], frozenset[str]] = {
    ("projector", "audit.events"): frozenset({READ, INSERT}),
    ("projector", "audit.projector_position"): frozenset({READ}),
    ("projector", "audit.foreign_rows"): frozenset({READ}),
    ("auditor_ro", "audit.foreign_rows"): frozenset({READ}),
    ("tracker", "people.numbers"): frozenset({READ, UPDATE}),
    ("auditor_ro", "audit.event"): frozenset({READ}),
    ("auditor_ro", "audit.projector_position"): frozenset({READ}),
    **{
        ("auditor_ro", f"audit.{name}"): frozenset({READ})
        for name in ("failure", "event_agent", "event_object", "fixity_check", "time_ranges")
    },
    ("tracker", "people.person"): frozenset({READ, INSERT, UPDATE, DELETE}),
    ("tracker", "people.texts"): frozenset(OPERATIONS),
    ("auditor_ro", "people.texts"): frozenset({READ}),
    **{
        ("auditor_ro", f"fixity.{name}"): frozenset({READ})
        for name in ("objects", "owners", "runs", "subjects_done")
    },
    **{
        ("auditor_ro", f"line.{name}"): frozenset({READ})
        for name in (
            "batch_status", "items", "pages", "packages", "quarantine", "receipts", "offsets",
            "verdicts", "batch_waits", "quiet_batches", "persons", "earlier_versions",
            "orders", "order_batches", "order_states",
        )
    },
    **{
        ("auditor_ro", f"review.{name}"): frozenset({READ})
        for name in (
            "models", "items", "work", "switches", "latest_runs", "suggestions", "decisions",
            "suggestion_states",
        )
    },
}  # fmt: skip
"""Rights by role and table. The tracker owns the schemas `line`, `fixity` and `review`."""
RELATION = re.compile(r"^CREATE (?:TABLE|VIEW) (\w+\.\w+)", re.M)


@cache
def relations() -> tuple[str, ...]:
    """Every table and view that the migrations create, in their order."""
    texts = [path.read_text("utf-8") for path in sorted(FOLDER.glob("*.sql"))]
    return tuple(dict.fromkeys(name for text in texts for name in RELATION.findall(text)))


@dataclass(frozen=True)
class Cell:
    """One role, one table and one operation."""

    role: str
    relation: str
    operation: str
    allowed: bool


def rights(role: str, relation: str) -> frozenset[str]:
    """The operations that a role may do with a table or view."""
    if role == "tracker" and relation.startswith(("line.", "fixity.", "review.")):
        return frozenset(OPERATIONS)
    return GRANTED.get((role, relation), frozenset())


def cells() -> list[Cell]:
    """The complete matrix."""
    return [
        Cell(role, relation, operation, operation in rights(role, relation))
        for relation in relations()
        for role in ROLES
        for operation in OPERATIONS
    ]
