"""The tables of the tracker as text, for comparison."""

import json
from collections.abc import Iterable, Mapping

from streams.tracker.unit_of_work import Connection

TABLES: dict[str, str] = {
    "batches": "batch_id, received_id, manifest_sha256, accepted_id, item_count, page_count,"
    " priority, paused, cancelled, refused, turned_away, settled",
    "items": "item_id, batch_id, registered_id, revision, page_count, required, cancelled, blocked,"
    " held, completed_id, package_id, state",
    "refused": "registered_id, batch_id, item_id, page_count, quarantine_id",
    "pages": "page_id, item_id, batch_id, revision, admitted_id, ended, faulty, resolved, state",
    "page_branches": "page_id, revision, step, event_id",
    "packages": "package_id, batch_id, item_id, revision, sha256, event_id, state",
    "quarantine": "quarantine_id, batch_id, item_id, page_id, code, attempts, resume_at, required,"
    " state",
    "earlier_versions": "item_id, revision, batch_id, registered_id, page_count, missing_pages,"
    " not_pages, state, package_id",
    "persons": "pseudonym, registered_at, retired, senders",
    "order_states": "order_id, state, content, notes, placed_by, placed_at, assigned_to,"
    " assigned_at, closed_at, batches",
    "batch_status": "batch_id, state, registered, packaged, quarantined, cancelled, in_flight",
}


def dump(conn: Connection) -> str:
    """The rows of the tracker as sorted JSON lines, without clock times and serial numbers."""
    return "\n".join(sorted(_rows(conn, TABLES))) + "\n"


def _rows(conn: Connection, tables: Mapping[str, str]) -> Iterable[str]:
    for table, columns in tables.items():
        text = f"SELECT row_to_json(x) FROM (SELECT {columns} FROM line.{table}) x"
        for (row,) in conn.execute(text.encode()):
            yield json.dumps([table, row], sort_keys=True, ensure_ascii=False)
