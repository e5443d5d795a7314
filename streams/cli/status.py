"""`copystand status`: how batches and roles stand, once or again and again."""

import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from streams.console import Exit, drawn, emit, err, fail, json_option, out
from streams.monitoring.status import line_status
from streams.settings import Settings
from streams.supervisor.state import read_state, supervisor_pid

WATCH_SECONDS = 2.0
SHOWN_BATCHES = 20
ENDED = ("settled", "cancelled", "quarantined")
BATCH = ["batch_id", "state", "registered", "packaged", "quarantined", "cancelled", "in_flight"]
ROLE = ["role", "pid", "state", "lag", "restarts"]
Document = dict[str, Any]


@click.command()
@click.option(
    "--watch",
    type=click.FloatRange(min=0.2),
    is_flag=False,
    flag_value=WATCH_SECONDS,
    metavar="[SECONDS]",
    help=f"Go on showing it, anew every {WATCH_SECONDS:g} seconds, until Ctrl-C.",
)
@json_option
def status(watch: float | None, as_json: bool) -> None:
    """The figures of every batch, how each role is, and how many packages await an answer."""
    if watch is not None and as_json:
        fail(Exit.USAGE, "--watch and --json exclude each other", "Ask again for each document.")
    settings = Settings.load()
    if watch is None:
        emit(_document(settings), as_json, lambda document: out.print(_drawn(document)))
        return
    try:
        _watch(lambda: _document(settings), watch)
    except KeyboardInterrupt:
        err.print("The line goes on.")


def _document(settings: Settings) -> Document:
    home = settings.home.resolve()
    if supervisor_pid(home) is None:
        fail(Exit.MISSING_PART, f"no line runs in {home}", "Start it: copystand up")
    return line_status(settings, read_state(home).get("parts", {}))


def _watch(ask: Callable[[], Document], seconds: float) -> None:
    if not out.is_terminal:
        while True:
            out.print(_drawn(ask()))
            time.sleep(seconds)
    with Live(console=out, screen=False, auto_refresh=False, transient=False) as live:
        while True:
            room = max(3, out.size.height - 20)
            live.update(_drawn(ask(), room, time.strftime("%H:%M:%S")), refresh=True)
            time.sleep(seconds)


def _drawn(document: Document, most: int = SHOWN_BATCHES, clock: str = "") -> Group:
    batches, left_out = _worth_showing(document["batches"], most)
    lines = [Text(clock, style="dim")] if clock else []
    if left_out:
        lines.append(Text(f"{left_out} more batches that have ended: copystand batch list"))
    lines += _unanswered(document["unanswered"])
    lines += [
        Text(f"{row['role']} {row['waits_for']}", style="yellow")
        for row in document["roles"]
        if row.get("waits_for")
    ]
    lines += [
        Text(f"{row['step']}: {row['waiting']} wait to be tried again, the next at {row['next']}")
        for row in document["retries"]
    ]
    lines += [
        Text(f"nothing was heard of batch {row['batch_id']} since {row['since']}", style="yellow")
        for row in document["quiet"]
    ]
    return Group(drawn(batches, BATCH), drawn(document["roles"], ROLE), *lines)


def _worth_showing(batches: list[Document], most: int) -> tuple[list[Document], int]:
    """Those at work, and as many of the others as there is room for."""
    going = [row for row in batches if row["state"] not in ENDED]
    ended = [row for row in batches if row["state"] in ENDED]
    room = max(0, most - len(going))
    kept = ended[-room:] if room else []
    return [*kept, *going], len(ended) - len(kept)


def _unanswered(found: Document | None) -> list[Text]:
    if not found or not found["packages"]:
        return []
    count, days = found["packages"], found["days"]
    words = f"{count} packages unanswered for {days:g} days: copystand packages list --unanswered"
    return [Text(words, style="yellow")]
