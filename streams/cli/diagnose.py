"""`copystand diagnose`: what is wrong with a line that runs, and what to do about it."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from streams.console import Exit, emit, fail, json_option, out, shown, table
from streams.settings import MEGABYTE, Settings
from streams.worker.memory_stats import StepMemory, read_stats

MOST_MB_PER_100_TASKS = 1.0
NOTICED_MB = 20.0
"""Less than this in all may be chance."""
HELD = 0.5
"""A heap in pieces goes up and down: of what resident memory grew by, this share must be in use."""
GIVEN_BACK = 0.5
"""What one step takes and others give back, by this share, is no growth."""
RECYCLES_PER_TASK = 0.01
"""Children that a step makes too large so often show that it grows, however few tasks they did."""
COLUMNS = ["step", "tasks", "settled_tasks", "grown_mb", "held_mb", "mb_per_100_tasks"]
COLUMNS += ["largest_mb", "recycles", "grows"]
Document = dict[str, Any]


@click.group()
def diagnose() -> None:
    """What is wrong with the line, and what to do."""


@diagnose.command()
@json_option
def memory(as_json: bool) -> None:
    """Which step leaves memory behind in the worker's children; exit code 1 when one does."""
    settings = Settings.load()
    books = read_stats(settings.run)
    if not books:
        why = f"no worker of {settings.home} has done a task yet"
        fail(Exit.MISSING_PART, why, "Start the line and give it work: copystand up")
    document = diagnosed(books)
    emit(document, as_json, _show)
    if document["grows"]:
        sys.exit(int(Exit.FAILED))


def diagnosed(books: list[Document]) -> Document:
    """What the figures of the workers say of each step, and what to do."""
    figures = _together(books)
    net = sum(one.grown_bytes for one in figures.values())
    steps = [_judged(step, figures[step], net) for step in sorted(figures)]
    grows = [row["step"] for row in steps if row["grows"]]
    names = ("worker", "pid", "since", "written_at", "recycle_bytes")
    return {
        "grows": grows,
        "most_mb_per_100_tasks": MOST_MB_PER_100_TASKS,
        "steps": steps,
        "workers": [{name: book[name] for name in names} for book in books],
        "fix": _fix(grows, books),
    }


def _together(books: Iterable[Document]) -> dict[str, StepMemory]:
    """The figures of each step over all workers."""
    summed: dict[str, Counter[str]] = {}
    largest: dict[str, int] = {}
    for book in books:
        for step, told in book["steps"].items():
            largest[step] = max(largest.get(step, 0), told["most_bytes"])
            summed.setdefault(step, Counter()).update(told)
    return {
        step: StepMemory(**{**told, "most_bytes": largest[step]}) for step, told in summed.items()
    }


def _judged(step: str, figures: StepMemory, net_bytes: int) -> Document:
    """A step's row. It grows when it leaves more than it may, most of it is in use, and no other
    step takes that away; or when children had to be replaced because of it, again and again."""
    grown_mb, tasks = figures.grown_bytes / MEGABYTE, figures.settled_tasks
    rate = round(100 * grown_mb / tasks, 2) if tasks else None
    leaves = (
        rate is not None
        and rate > MOST_MB_PER_100_TASKS
        and grown_mb > NOTICED_MB
        and figures.held_bytes > HELD * figures.grown_bytes
        and net_bytes > GIVEN_BACK * figures.grown_bytes
    )
    often = figures.recycles > 1 and figures.recycles >= RECYCLES_PER_TASK * figures.tasks
    return {
        "step": step,
        "tasks": figures.tasks,
        "settled_tasks": tasks,
        "grown_mb": round(grown_mb, 1),
        "mb_per_100_tasks": rate,
        "held_mb": round(figures.held_bytes / MEGABYTE, 1),
        "largest_mb": round(figures.most_bytes / MEGABYTE),
        "recycles": figures.recycles,
        "grows": leaves or often,
    }


def _fix(grows: list[str], books: list[Document]) -> str:
    if not grows:
        return ""
    limit = max(book["recycle_bytes"] for book in books) // MEGABYTE
    return (
        f"No task is lost: a child above COPYSTAND_RECYCLE_MB ({limit}) is replaced before its next"
        f" task. Measure {' and '.join(grows)} alone and send us the table: python -m bench.memory"
        f" {grows[0]} --pages 1000. Until it is mended: docs/how-to/when-memory-grows.md"
    )


def _show(document: Document) -> None:
    rows = [row | {"grows": "YES" if row["grows"] else ""} for row in document["steps"]]
    table(rows, COLUMNS)
    for worker in document["workers"]:
        moments = f"since {shown(worker['since'])}, as of {shown(worker['written_at'])}"
        out.print(f"worker {worker['worker']}: {moments}", highlight=False)
    grows = document["grows"]
    if not grows:
        most = document["most_mb_per_100_tasks"]
        out.print(f"[green]No step grows[/] by more than {most:g} MB per 100 tasks.")
        return
    out.print(f"[red]{', '.join(grows)} leaves memory behind.[/] {document['fix']}")
