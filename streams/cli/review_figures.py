"""`copystand review report` and `backlog`: how often models are right, and what waits for them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from streams.cli.listings import Row, rows
from streams.console import emit, json_option, out, table
from streams.named_queries import NamedQueries

query = NamedQueries(Path(__file__).with_name("review.sql"))
WANTED_PRECISION = 0.9
LEAST_DECIDED = 20
"""With fewer decisions no threshold is suggested."""
MONTHS = ["model", "kind", "label", "month", "decided", "accepted", "edited", "rejected"]
THRESHOLDS = ["model", "kind", "label", "decided", "threshold", "precision", "kept"]


@click.command()
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True),
    default=WANTED_PRECISION,
    show_default=True,
    help="The precision that a suggested threshold must reach.",
)
@json_option
def report(precision: float, as_json: bool) -> None:
    """Show how often persons accepted what models suggest, and suggest thresholds."""
    months = [
        row | {"precision": round(row["accepted"] / row["decided"], 4)}
        for row in rows(query("precision"), {})
    ]
    document = {"months": months, "thresholds": thresholds(rows(query("scores"), {}), precision)}
    emit(document, as_json, _print_report)


def _print_report(found: dict[str, list[Row]]) -> None:
    table(found["months"], [*MONTHS, "precision"])
    table(found["thresholds"], THRESHOLDS)


def thresholds(decided: Sequence[Row], wanted: float) -> list[Row]:
    """The lowest score for each label from which on as many as wanted were accepted.

    The rows are sorted by model, kind and label, then by falling score. The threshold is None
    when there are too few decisions, or when no score reaches it."""

    def label(row: Row) -> tuple[Any, ...]:
        return row["model"], row["kind"], row["label"]

    return [_threshold(key, list(ones), wanted) for key, ones in groupby(decided, label)]


def _threshold(key: tuple[Any, ...], ones: Sequence[Row], wanted: float) -> Row:
    model, kind, name = key
    about = {"model": model, "kind": kind, "label": name, "decided": len(ones)}
    reached = [one for one in _from_the_top(ones) if one[1] >= wanted]
    if len(ones) < LEAST_DECIDED or not reached:
        return {**about, "threshold": None, "precision": None, "kept": None}
    score, precision, kept = reached[-1]
    return {**about, "threshold": score, "precision": round(precision, 4), "kept": kept}


def _from_the_top(ones: Sequence[Row]) -> Iterator[tuple[float, float, int]]:
    """Each score, with precision and number of what has at least this score."""
    right = count = 0
    for score, same in groupby(ones, lambda one: float(one["score"])):
        for one in same:
            count += 1
            right += bool(one["is_right"])
        yield score, right / count, count


@click.command()
@json_option
def backlog(as_json: bool) -> None:
    """Show what waits for the models, and which models are installed."""
    (waiting,) = rows(query("backlog"), {})
    document = {**waiting, "models": rows(query("installed"), {})}
    emit(document, as_json, _print_backlog)


def _print_backlog(found: Row) -> None:
    paused = ", paused" if found["paused"] else ""
    out.print(f"{found['items']} items with {found['pages']} pages wait{paused}")
    table(found["models"], ["model", "version", "weights_sha256"])
