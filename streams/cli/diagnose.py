"""`copystand diagnose`: finds problems of a running line."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from streams.cli.status import cache_note
from streams.console import Exit, emit, fail, json_option, out, shown, table, words
from streams.settings import MEGABYTE, Settings
from streams.storage.cache.home_cache import cache_document
from streams.worker.memory_stats import StepMemory, read_stats

MOST_MB_PER_100_TASKS = 1.0
NOTICED_MB = 20.0
"""Total growth below this may be noise."""
HELD = 0.5
"""Least share of the growth that is in use; the rest is fragmentation of the heap."""
NOT_OFFSET = 0.5
"""Least share of the growth of a step that other steps do not offset."""
RECYCLES_PER_TASK = 0.01
"""Least share of tasks after which the child is recycled for its size."""
COLUMNS = ["step", "tasks", "settled_tasks", "grown_mb", "held_mb", "mb_per_100_tasks"]
COLUMNS += ["largest_mb", "recycles", "grows"]
Document = dict[str, Any]


@click.group()
def diagnose() -> None:
    """Find problems of the line."""


@diagnose.command()
@json_option
def memory(as_json: bool) -> None:
    """Find steps that leak memory in the children of the worker. Exits with 1 if there are any."""
    settings = Settings.load()
    stats = read_stats(settings.run)
    if not stats:
        message = f"no worker in {settings.home} has finished a task yet"
        fail(Exit.MISSING_PART, message, "Start the line (copystand up) and submit a batch.")
    document = diagnosed(stats)
    emit(document, as_json, _show)
    if document["grows"]:
        sys.exit(int(Exit.FAILED))


@diagnose.command("cache")
@json_option
def cache(as_json: bool) -> None:
    """Show the figures of the local copies of objects in a bucket on this machine."""
    settings = Settings.load()
    document = cache_document(settings)
    if document is None:
        message = f"{settings.home} has no cache: {settings.store}"
        fix = "Set COPYSTAND_STORE to a bucket, and COPYSTAND_STORE_CACHE_GB to more than 0."
        fail(Exit.MISSING_PART, message, fix)
    emit(document, as_json, lambda found: out.print(cache_note(found)))


def diagnosed(stats: list[Document]) -> Document:
    """The memory growth of each step over all workers, and what to do."""
    figures = _summed(stats)
    net = sum(one.grown_bytes for one in figures.values())
    steps = [_row(step, figures[step], net) for step in sorted(figures)]
    grows = [row["step"] for row in steps if row["grows"]]
    names = ("worker", "pid", "since", "written_at", "recycle_bytes")
    return {
        "grows": grows,
        "most_mb_per_100_tasks": MOST_MB_PER_100_TASKS,
        "steps": steps,
        "workers": [{name: one[name] for name in names} for one in stats],
        "fix": _fix(grows, stats),
    }


def _summed(stats: Iterable[Document]) -> dict[str, StepMemory]:
    """The figures of each step over all workers."""
    summed: dict[str, Counter[str]] = {}
    largest: dict[str, int] = {}
    for worker in stats:
        for step, counts in worker["steps"].items():
            largest[step] = max(largest.get(step, 0), counts["most_bytes"])
            summed.setdefault(step, Counter()).update(counts)
    return {
        step: StepMemory(**{**counts, "most_bytes": largest[step]})
        for step, counts in summed.items()
    }


def _row(step: str, figures: StepMemory, net_bytes: int) -> Document:
    """The row of a step. It grows when its growth exceeds the limits and most of it is in use and
    not offset by other steps; or when its children are recycled for their size too often."""
    grown_mb, tasks = figures.grown_bytes / MEGABYTE, figures.settled_tasks
    rate = round(100 * grown_mb / tasks, 2) if tasks else None
    leaks = (
        rate is not None
        and rate > MOST_MB_PER_100_TASKS
        and grown_mb > NOTICED_MB
        and figures.held_bytes > HELD * figures.grown_bytes
        and net_bytes > NOT_OFFSET * figures.grown_bytes
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
        "grows": leaks or often,
    }


def _fix(grows: list[str], stats: list[Document]) -> str:
    if not grows:
        return ""
    limit = max(worker["recycle_bytes"] for worker in stats) // MEGABYTE
    return (
        f"No task is lost: a child above COPYSTAND_RECYCLE_MB ({limit}) is replaced before its next"
        f" task. Measure {' and '.join(grows)} alone (python -m bench.memory {grows[0]}"
        f" --pages 1000) and report the table. Workaround: docs/how-to/when-memory-grows.md"
    )


def _show(document: Document) -> None:
    rows = [row | {"grows": "YES" if row["grows"] else ""} for row in document["steps"]]
    table(rows, COLUMNS)
    for worker in document["workers"]:
        period = f"from {shown(worker['since'])} to {shown(worker['written_at'])}"
        out.print(f"worker {worker['worker']}: {period}")
    grows = document["grows"]
    if not grows:
        most = document["most_mb_per_100_tasks"]
        found = ("No memory leak found", "green")
        out.print(words(found, f" (limit: {most:g} MB per 100 tasks)."))
        return
    out.print(words((f"Memory leak in {', '.join(grows)}.", "red"), f" {document['fix']}"))
