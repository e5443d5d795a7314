"""`copystand status`: batches and roles, once or repeatedly."""

import atexit
import gc
import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from processors.wording import counted
from streams.cli.traffic import class_rows, limit_text
from streams.console import Exit, drawn, emit, err, fail, json_option, out, styled
from streams.monitoring.status import line_status
from streams.settings import MEGABYTE, Settings
from streams.supervisor.state import read_state, stopped_for_space, supervisor_pid

WATCH_SECONDS = 2.0
SHOWN_BATCHES = 20
ENDED = ("settled", "cancelled", "quarantined")
BATCH_COLUMNS = [
    "batch_id",
    "state",
    "registered",
    "packaged",
    "quarantined",
    "cancelled",
    "in_flight",
]
ROLE_COLUMNS = ["role", "pid", "state", "lag", "restarts"]
UNKNOWN = "The batches are unknown, PostgreSQL does not answer"
FIX = "Check its log (log/postgres.log in the home), and the free space: df -h, df -i"
NOBODY = "No person is registered: every pseudonym is accepted (copystand person add NAME)"
Document = dict[str, Any]


@click.command()
@click.option(
    "--watch",
    type=click.FloatRange(min=0.2),
    is_flag=False,
    flag_value=WATCH_SECONDS,
    metavar="[SECONDS]",
    help=f"Repeat every SECONDS (default {WATCH_SECONDS:g}) until Ctrl-C.",
)
@json_option
def status(watch: float | None, as_json: bool) -> None:
    """Show batches, roles and open problems."""
    if watch is not None and as_json:
        fail(
            Exit.USAGE,
            "--watch and --json cannot be used together",
            "Run `copystand status --json` once for each document.",
        )
    # Without the garbage collection at exit, which takes longer than reading the status.
    atexit.register(gc.freeze)
    settings = Settings.load()
    if watch is None:
        document = _document(settings)
        emit(document, as_json, lambda document: out.print(drawn_status(document)))
        if document["database"]:
            fail(Exit.MISSING_PART, f"PostgreSQL does not answer: {document['database']}", FIX)
        return
    try:
        _watch(lambda: _document(settings), watch)
    except KeyboardInterrupt:
        err.print("The line continues to run.")


def _document(settings: Settings) -> Document:
    home = settings.home.resolve()
    if supervisor_pid(home) is None:
        fail(Exit.MISSING_PART, f"no line is running in {home}", "Start it: copystand up")
    state = read_state(home)
    return line_status(settings, state.get("parts", {}), stopped_for_space(state))


def _watch(read: Callable[[], Document], seconds: float) -> None:
    if not out.is_terminal:
        while True:
            out.print(drawn_status(read()))
            time.sleep(seconds)
    with Live(console=out, screen=False, auto_refresh=False, transient=False) as live:
        while True:
            rows = max(3, out.size.height - 20)
            live.update(drawn_status(read(), rows, time.strftime("%H:%M:%S")), refresh=True)
            time.sleep(seconds)


def drawn_status(document: Document, most: int = SHOWN_BATCHES, clock: str = "") -> Group:
    """The tables of a status document with at most so many batches, and its notes below."""
    batches, left_out = shown_batches(document["batches"], most)
    lines = [Text(clock, style="dim")] if clock else []
    if document["database"]:
        lines.append(styled(f"{UNKNOWN}: {document['database']}", "red"))
    if left_out:
        lines.append(Text(f"ended batches not shown: {left_out} (copystand batch list)"))
    if document["persons"] == 0:
        lines.append(Text(NOBODY, style="dim"))
    if space := document["checks"].get("space"):
        lines.append(Text(space, style="yellow"))
    lines += _traffic(document.get("traffic"))
    lines += _unanswered(document["unanswered"])
    if failed := document.get("failed_objects"):
        words = f"{counted(failed, 'object')} of the store failed: copystand fixity status"
        lines.append(Text(words, style="red"))
    if cache := document.get("cache"):
        lines.append(Text(cache_note(cache), style="yellow" if cache["damaged"] else "dim"))
    lines += [
        Text(f"{row['role']} {row['waits_for']}", style="yellow")
        for row in document["roles"]
        if row.get("waits_for")
    ]
    limits = document.get("limits", {}).items()
    lines += [Text(f"lane {lane} is limited to {words}") for lane, words in limits]
    lines += [Text(_retry_note(row)) for row in document["retries"]]
    lines += [
        Text(f"batch {row['batch_id']}: no progress since {row['since']}", style="yellow")
        for row in document["quiet"]
    ]
    lines += [
        Text(f"order {row['order_id']}: no station has it since {row['placed_at']}", style="yellow")
        for row in document.get("untaken_orders", ())
    ]
    return Group(drawn(batches, BATCH_COLUMNS), drawn(document["roles"], ROLE_COLUMNS), *lines)


def _traffic(found: Document | None) -> list[Text]:
    """One line for each class that has traffic or waits, after one about the limit."""
    if not found:
        return []
    lines = [Text(f"traffic: {limit_text(found)}")]
    if found["fault"]:
        lines.append(Text(f"{found['fault']} The earlier limits are in force.", style="yellow"))
    for row in class_rows(found):
        if row["in_bytes_per_second"] or row["out_bytes_per_second"] or row["waiting"]:
            waits = ", waits for the link" if row["waiting"] else ""
            words = f"  {row['class']}: in {row['in_mbit']}, out {row['out_mbit']} Mbit/s{waits}"
            lines.append(Text(words))
    return lines


def cache_note(cache: Document) -> str:
    """The figures of the local copies in one line."""
    used, limit = (cache[name] / MEGABYTE for name in ("used_bytes", "limit_bytes"))
    reads, rate = cache["hits"] + cache["misses"], cache["hit_rate"]
    found = "no reads" if rate is None else f"{rate:.0%} of {counted(reads, 'read')} found a copy"
    note = f"cache: {used:,.0f} of {limit:,.0f} MB, {found}"
    note += f", {counted(cache['evictions'], 'eviction')}"
    return f"{note}, damaged copies removed: {cache['damaged']}" if cache["damaged"] else note


def _retry_note(row: Document) -> str:
    waiting = counted(row["waiting"], "task")
    return f"{row['step']}: {waiting} waiting for a retry, the next at {row['next']}"


def shown_batches(batches: list[Document], most: int) -> tuple[list[Document], int]:
    """All active batches and the latest ended ones, at most so many; the number left out."""
    active = [row for row in batches if row["state"] not in ENDED]
    ended = [row for row in batches if row["state"] in ENDED]
    free = max(0, most - len(active))
    kept = ended[-free:] if free else []
    return [*kept, *active], len(ended) - len(kept)


def _unanswered(found: Document | None) -> list[Text]:
    if not found or not found["packages"]:
        return []
    count, days = found["packages"], found["days"]
    words = f"{counted(count, 'package')} unanswered for {days:g} days"
    return [Text(f"{words}: copystand packages list --unanswered", style="yellow")]
