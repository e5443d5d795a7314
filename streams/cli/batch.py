"""`copystand batch`: how batches stand, and requests to pause, resume, cancel or hurry them."""

from typing import Any

import click

from streams.cli.filters import Filters, filters_of
from streams.cli.requests import control_options, emit_rows, request, rows
from streams.console import Exit, blocks, emit, fail, json_option, out, shown, table

STATES = (
    "submitted", "uploading", "held", "running", "paused", "settled", "quarantined", "cancelled",
)  # fmt: skip
COLUMNS = (
    "batch_id, state, registered, packaged, quarantined, cancelled, in_flight, item_count,"
    " items_registered, (SELECT count(*) FROM line.quarantine q WHERE q.batch_id = s.batch_id"
    " AND q.state = 'open') AS open_records, priority, not_before, waits_for, waits_until, project,"
    " operator, settlements, received_at, accepted_at"
)
LIST = f"""
SELECT {COLUMNS} FROM line.batch_status s LEFT JOIN line.batch_waits w USING (batch_id)
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR EXISTS (
        SELECT FROM line.items i
        WHERE i.batch_id = s.batch_id AND lower(i.item_id) = lower(%(item)s)))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR EXISTS (
        SELECT FROM line.quarantine q WHERE q.batch_id = s.batch_id AND q.code = %(code)s))
    AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
ORDER BY received_at DESC NULLS FIRST, batch_id LIMIT %(limit)s
"""
ITEMS = """
SELECT i.item_id, i.state, i.title, i.revision, i.page_count, i.registered_at,
    count(p.page_id) FILTER (WHERE p.state = 'registered') AS registered,
    count(p.page_id) FILTER (WHERE p.state = 'admitted') AS admitted,
    count(p.page_id) FILTER (WHERE p.state = 'ended') AS ended,
    count(p.page_id) FILTER (WHERE p.state = 'packaged') AS packaged,
    count(p.page_id) FILTER (WHERE p.state = 'quarantined') AS quarantined,
    count(p.page_id) FILTER (WHERE p.state = 'cancelled') AS cancelled,
    i.package_id, k.state AS package_state
FROM line.items i LEFT JOIN line.pages p USING (item_id)
LEFT JOIN line.packages k ON k.package_id = i.package_id
WHERE i.batch_id = %(batch)s GROUP BY i.item_id, k.package_id ORDER BY i.item_id
"""
PACKAGES = """
SELECT package_id, item_id, revision, state, size_bytes, published_at FROM line.packages
WHERE batch_id = %(batch)s ORDER BY published_at, package_id
"""
RECORDS = """
SELECT quarantine_id, item_id, page_id, code, "where", found, fix, occurred_at FROM line.quarantine
WHERE batch_id = %(batch)s AND state = 'open' ORDER BY occurred_at, quarantine_id
"""
SETTLED = """
SELECT max(occurred_at) AS settled_at FROM audit.event
WHERE batch_id = %(batch)s AND item_id IS NULL AND fact = 'BatchSettled'
"""
SHOWN = ["batch_id", "state", "registered", "packaged", "quarantined", "cancelled", "in_flight"]
PAGES = ["registered", "admitted", "ended", "packaged", "quarantined", "cancelled"]
SHOWN_PACKAGE = ["package_id", "state", "size_bytes", "published_at"]


@click.group()
def batch() -> None:
    """See how batches stand, and decide about them."""


@batch.command("list")
@filters_of(
    STATES,
    state="In this state.",
    code="With a quarantine record of this code.",
    since="Received",
)
@json_option
def list_batches(as_json: bool, **wanted: Any) -> None:
    """All batches, the newest first."""
    emit_rows(rows(LIST, Filters(**wanted).values()), as_json, SHOWN)


@batch.command()
@click.argument("batch_id")
@json_option
def show(batch_id: str, as_json: bool) -> None:
    """One batch with its items, packages, times and open quarantine records."""
    values = Filters(batch=batch_id).values()
    found = rows(LIST, values)
    if not found:
        fail(Exit.FAILED, f"no batch {batch_id} is on the line", "See: copystand batch list")
    settled = found[0]["state"] == "settled"
    times = rows(SETTLED, values)[0] if settled else {"settled_at": None}
    more = {"items": ITEMS, "packages": PACKAGES, "quarantine": RECORDS}
    lists = {name: rows(query, values) for name, query in more.items()}
    emit({**found[0], **times, **lists}, as_json, _render)


def _render(document: dict[str, Any]) -> None:
    words = (
        ("", ("batch_id", "state", "waits_for", "waits_until", "priority", "project", "operator")),
        ("pages: ", ("registered", "packaged", "quarantined", "cancelled", "in_flight")),
        ("times: ", ("received_at", "accepted_at", "settled_at")),
    )
    for title, names in words:
        told = [f"{name} {shown(document[name])}" for name in names if document[name] is not None]
        out.print(title + "  ".join(told), highlight=False, markup=False)
    # Only the states in which there is a page: the table stays narrow.
    pages = [name for name in PAGES if any(item[name] for item in document["items"])]
    table(document["items"], ["item_id", "state", "page_count", *pages])
    if document["packages"]:
        table(document["packages"], SHOWN_PACKAGE)
    if document["quarantine"]:
        blocks(document["quarantine"], ["quarantine_id", "code"], ["where", "found"])


@batch.command()
@click.argument("batch_id")
@control_options
def pause(batch_id: str, **asked: Any) -> None:
    """Begin nothing more of a batch; what is at work goes on."""
    request("pause", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@control_options
def resume(batch_id: str, **asked: Any) -> None:
    """Go on with a paused batch."""
    request("resume", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@control_options
def cancel(batch_id: str, **asked: Any) -> None:
    """End a batch; items that are complete already go on."""
    request("cancel", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@click.argument("priority", type=click.Choice(["rush", "normal", "night"]))
@control_options
def priority(batch_id: str, priority: str, **asked: Any) -> None:
    """Change how urgent a batch is."""
    request("priority", [f"batch:{batch_id}"], value=priority, **asked)
