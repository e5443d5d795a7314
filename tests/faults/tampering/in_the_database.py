"""What a superuser of the database changes, each with the first event concerned."""

from collections.abc import Callable

from streams.projector.rows import COLUMNS
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.victim import Victim

BY = "database superuser"
PART = "projection"
COPIED = ", ".join(name for name in COLUMNS if name != "seq")
CHANGED = {
    "seq": "seq + 900000",
    "sealed_at": "sealed_at + interval '1 microsecond'",
    "schema_sha256": "set_byte(schema_sha256, 0, get_byte(schema_sha256, 0) # 1)",
    "body": "set_byte(body, 60, get_byte(body, 60) # 1)",
    "event_id": "gen_random_uuid()",
    "cause_id": "gen_random_uuid()",
    "batch_id": "'forged'",
    "item_id": "'forged'",
    "page_id": "'forged'",
    "revision": "revision + 1",
    "occurred_at": "occurred_at - interval '1 microsecond'",
    "fact": "'PageRecognized'",
    "ordinal": "ordinal + 1",
    "event_type": "'deletion'",
    "event_type_uri": "event_type_uri || '#'",
    "outcome": "CASE outcome WHEN 'suc' THEN 'fai' ELSE 'suc' END",
    "code": "'forged.code'",
    "detail": "'forged'",
    "agents": 'agents || \'[{"name": "nobody"}]\'',
    "sources": "sources || ARRAY['page:forged']",
    "results": "results || ARRAY['sha256:forged']",
    "producer_name": "'forged'",
    "producer_version": "'0.0.0'",
}
"""A change of each column of a row."""
assert set(CHANGED) == set(COLUMNS)


def _column(name: str) -> Callable[[Victim], int]:
    def apply(victim: Victim) -> int:
        seq = victim.draw.randrange(victim.size)
        victim.as_superuser(f"UPDATE audit.events SET {name} = {CHANGED[name]} WHERE seq = {seq}")
        return seq

    return apply


def _at(statements: str, shift: int = 0) -> Callable[[Victim], int]:
    """Statements about a drawn seq, in which {seq}, {next} and {size} are replaced."""

    def apply(victim: Victim) -> int:
        seq = victim.draw.randrange(10, victim.size - 10)
        filled = statements.format(seq=seq, next=seq + 1, size=victim.size, copied=COPIED)
        victim.as_superuser(*filled.split(";"))
        return seq + shift

    return apply


def _fixed(statements: str, first_bad: Callable[[Victim], int]) -> Callable[[Victim], int]:
    def apply(victim: Victim) -> int:
        filled = statements.format(size=victim.size, last=victim.size - 1, copied=COPIED)
        victim.as_superuser(*filled.split(";"))
        return first_bad(victim)

    return apply


def _first(_: Victim) -> int:
    return 0


def _last(victim: Victim) -> int:
    return victim.size - 1


def _end(victim: Victim) -> int:
    return victim.size


def _triggers_off(victim: Victim) -> int:
    seq = victim.draw.randrange(victim.size)
    victim.as_superuser(
        "ALTER TABLE audit.events DISABLE TRIGGER ALL",
        "ALTER TABLE audit.events_000000 DISABLE TRIGGER ALL",
        f"DELETE FROM audit.events WHERE seq = {seq}",
        "ALTER TABLE audit.events ENABLE TRIGGER ALL",
        "ALTER TABLE audit.events_000000 ENABLE TRIGGER ALL",
        triggers=True,
    )
    return seq


ROWS: dict[str, tuple[str, Callable[[Victim], int]]] = {
    "a row is deleted": ("delete", _at("DELETE FROM audit.events WHERE seq = {seq}")),
    "the first row is deleted": (
        "delete",
        _fixed("DELETE FROM audit.events WHERE seq = 0", _first),
    ),
    "the last row is deleted": (
        "delete",
        _fixed("DELETE FROM audit.events WHERE seq = {last}", _last),
    ),
    "a row is deleted with its triggers disabled": ("delete", _triggers_off),
    "the end is cut": ("truncate", _at("DELETE FROM audit.events WHERE seq >= {seq}")),
    "all rows are deleted": ("truncate", _fixed("DELETE FROM audit.events", _first)),
    "the table is truncated": ("truncate", _fixed("TRUNCATE audit.events", _first)),
    "the partition is dropped": ("truncate", _fixed("DROP TABLE audit.events_000000", _first)),
    "the partition is detached": (
        "truncate",
        _fixed("ALTER TABLE audit.events DETACH PARTITION audit.events_000000", _first),
    ),
    "a row is added behind the end": (
        "insert",
        _fixed(
            "INSERT INTO audit.events (seq, {copied})"
            " SELECT {size}, {copied} FROM audit.events WHERE seq = {last}",
            _end,
        ),
    ),
    "a row is added far behind the end": (
        "insert",
        _fixed(
            "INSERT INTO audit.events (seq, {copied})"
            " SELECT {size} + 5000, {copied} FROM audit.events WHERE seq = {last}",
            lambda victim: victim.size + 5000,
        ),
    ),
    "a row is added and the position raised": (
        "insert",
        _fixed(
            "INSERT INTO audit.events (seq, {copied})"
            " SELECT {size}, {copied} FROM audit.events WHERE seq = {last};"
            " UPDATE audit.projector_position SET last_seq = {size}",
            _end,
        ),
    ),
    "a second row has the same seq": (
        "insert",
        _at(
            "ALTER TABLE audit.events DROP CONSTRAINT events_pkey;"
            " INSERT INTO audit.events (seq, {copied})"
            " SELECT {seq}, {copied} FROM audit.events WHERE seq = {next}"
        ),
    ),
    "two rows change places": (
        "swap",
        _at(
            "UPDATE audit.events SET seq = 900000 WHERE seq = {seq};"
            " UPDATE audit.events SET seq = {seq} WHERE seq = {next};"
            " UPDATE audit.events SET seq = {next} WHERE seq = 900000"
        ),
    ),
    "two bodies change places": (
        "swap",
        _at(
            "UPDATE audit.events a SET body = b.body FROM audit.events b WHERE (a.seq, b.seq) IN"
            " (({seq}, {next}), ({next}, {seq}))"
        ),
    ),
    "a row replaces the next one": (
        "replay",
        _at(
            "DELETE FROM audit.events WHERE seq = {next};"
            " INSERT INTO audit.events (seq, {copied})"
            " SELECT {next}, {copied} FROM audit.events WHERE seq = {seq}",
            1,
        ),
    ),
    "later rows move down": (
        "delete",
        _at(
            "DELETE FROM audit.events WHERE seq = {seq};"
            " UPDATE audit.events SET seq = seq + 900000 WHERE seq > {seq};"
            " UPDATE audit.events SET seq = seq - 900001 WHERE seq > 900000"
        ),
    ),
    "rows and position are rolled back": (
        "roll back",
        _at(
            "DELETE FROM audit.events WHERE seq > {seq};"
            " UPDATE audit.projector_position SET last_seq = {seq}",
            1,
        ),
    ),
    "a time is infinite": (
        "edit",
        _at("UPDATE audit.events SET occurred_at = 'infinity' WHERE seq = {seq}"),
    ),
    "a time is before year 1": (
        "edit",
        _at("UPDATE audit.events SET sealed_at = '0044-03-15 BC' WHERE seq = {seq}"),
    ),
    "a text is rewritten and the position lowered": (
        "edit",
        _at(
            "UPDATE audit.events SET detail = 'forged' WHERE seq = {next};"
            " UPDATE audit.projector_position SET last_seq = {seq}",
            1,
        ),
    ),
    "a text is rewritten and the position removed": (
        "edit",
        _fixed(
            "UPDATE audit.events SET detail = 'forged' WHERE seq = 8;"
            " DELETE FROM audit.projector_position",
            _first,
        ),
    ),
    "the position is lowered": (
        "roll back",
        _at("UPDATE audit.projector_position SET last_seq = {seq}", 1),
    ),
    "the position is raised": (
        "edit",
        _fixed("UPDATE audit.projector_position SET last_seq = {size} + 3", _end),
    ),
    "the view hides a row": (
        "delete",
        _at(
            "ALTER VIEW audit.event RENAME TO shown;"
            " CREATE VIEW audit.event AS SELECT * FROM audit.shown WHERE seq <> {seq};"
            " GRANT SELECT ON audit.event TO auditor_ro"
        ),
    ),
    "a rule of row security hides rows": (
        "delete",
        _at(
            "ALTER TABLE audit.events ENABLE ROW LEVEL SECURITY;"
            " ALTER TABLE audit.events FORCE ROW LEVEL SECURITY;"
            " CREATE POLICY hides ON audit.events USING (seq <> {seq})"
        ),
    ),
    "a column is dropped": (
        "delete",
        _fixed("ALTER TABLE audit.events DROP COLUMN detail CASCADE", _first),
    ),
    "the view is dropped": ("delete", _fixed("DROP VIEW audit.event CASCADE", _first)),
    "auditors may not read": (
        "delete",
        _fixed("REVOKE SELECT ON audit.event FROM auditor_ro", _first),
    ),
}
"""Changes of rows and of what shows them."""

TAMPERINGS = [
    *(Tampering(f"{name} of a row changes", "edit", BY, PART, _column(name)) for name in CHANGED),
    *(Tampering(name, operation, BY, PART, change) for name, (operation, change) in ROWS.items()),
]
