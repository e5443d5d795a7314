"""The run of the demo: waits for its batches and collects the results."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.ids import made_safe
from streams.console import Exit
from streams.demo.accuracy import character_error_rate
from streams.demo.demo_line import CommandFailed, DemoLine

ENDED = ("settled", "quarantined", "cancelled")
WATCH_SECONDS = 0.5
QUIET_LIMIT_SECONDS = 300.0
LOG_LIMIT_SECONDS = 30.0
LAST_EVENT = "information package creation"

Figures = dict[str, Any]


class Stalled(Exception):
    """The page counts of the batches have not changed for a long time."""


@dataclass(frozen=True)
class DemoResult:
    """The results of the batches."""

    batches: list[Figures]
    packages: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    timeline: dict[str, Any]
    accuracy: dict[str, Any]
    pages: int
    seconds: float

    @property
    def pages_per_minute(self) -> float:
        """Finished pages per minute, from the submission to the end of the last page."""
        return 60 * self.pages / self.seconds


@dataclass
class Watch:
    """Waits until batches have ended and reports each change of their page counts."""

    figures: Callable[[], list[Figures] | None]
    """None while they are unknown."""
    on_change: Callable[[list[Figures]], None]
    pause_seconds: float = WATCH_SECONDS
    limit_seconds: float = QUIET_LIMIT_SECONDS
    last: list[Figures] = field(default_factory=list)

    def until_ended(self, batch_ids: set[str]) -> list[Figures]:
        """The final page counts of these batches. Raises Stalled when they stop changing."""
        changed_at = time.monotonic()
        while True:
            found = self.figures()
            known = self.last if found is None else found
            now = [one for one in known if one["batch_id"] in batch_ids]
            if now != self.last:
                self.last, changed_at = now, time.monotonic()
                self.on_change(now)
            ended = {one["batch_id"] for one in now if one["state"] in ENDED}
            if ended == batch_ids:
                return now
            if time.monotonic() - changed_at > self.limit_seconds:
                raise Stalled(f"no progress for {self.limit_seconds:g} s; last counts: {now}")
            time.sleep(self.pause_seconds)


def gather(
    line: DemoLine, batches: list[Figures], truth: dict[str, str], seconds: float
) -> DemoResult:
    """Collect the results of the batches with the public commands."""
    packages = _of_batches(line, "packages", batches)
    texts = texts_of(line, packages)
    records = _of_batches(line, "quarantine", batches)
    quarantined = [row | {"diagnostics": _findings(line, row)} for row in records]
    return DemoResult(
        batches=batches,
        packages=packages,
        quarantined=quarantined,
        timeline=_timeline(line, min(texts, default=None)),
        accuracy=accuracy(texts, truth),
        pages=sum(one["packaged"] + one["quarantined"] + one["cancelled"] for one in batches),
        seconds=round(seconds, 1),
    )


def _of_batches(line: DemoLine, command: str, batches: list[Figures]) -> list[dict[str, Any]]:
    lists = (line.ask(command, "list", "--batch", one["batch_id"]) for one in batches)
    return [row for rows in lists for row in rows]


def _findings(line: DemoLine, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The diagnostics of a record, or the record itself if it has none."""
    shown = line.ask("quarantine", "show", row["quarantine_id"])
    only = {name: row[name] for name in ("code", "where", "found", "fix")} | {"severity": "error"}
    return shown["diagnostics"] or [only]


def _timeline(line: DemoLine, page_id: str | None) -> dict[str, Any]:
    """The history of a packaged page, once the log contains its package."""
    if page_id is None:
        return {"page_id": None, "events": [], "complete": False}
    deadline = time.monotonic() + LOG_LIMIT_SECONDS
    while True:
        events = _history(line, page_id)
        complete = any(event["event_type"] == LAST_EVENT for event in events)
        if complete or time.monotonic() > deadline:
            return {"page_id": page_id, "events": events, "complete": complete}
        time.sleep(WATCH_SECONDS)


def _history(line: DemoLine, page_id: str) -> list[dict[str, Any]]:
    try:
        events: list[dict[str, Any]] = line.ask("audit", "page", page_id)
    except CommandFailed as unknown:
        if unknown.code != Exit.FAILED:
            raise
        return []
    return events


def texts_of(line: DemoLine, packages: list[dict[str, Any]]) -> dict[str, str]:
    """Recognized text by page_id, from the packages, fetched as a repository does."""
    texts: dict[str, str] = {}
    for package in packages:
        item_id, into = package["item_id"], str(line.home / "fetched")
        bag = Path(line.ask("packages", "fetch", package["package_id"], into)["path"])
        for path in sorted((bag / "data" / "text").glob(f"{item_id}_*.txt")):
            ref = path.stem.removeprefix(f"{item_id}_")
            texts[f"{item_id}:{ref}"] = path.read_text("utf-8")
    return texts


def accuracy(texts: dict[str, str], truth: dict[str, str]) -> dict[str, Any]:
    """Character error rate by item and in total, over the pages with text and ground truth."""
    pairs = {page_id: (truth[page_id], text) for page_id, text in texts.items() if page_id in truth}
    by_item: dict[str, list[tuple[str, str]]] = {}
    for page_id, pair in pairs.items():
        by_item.setdefault(page_id.rsplit(":", 1)[0], []).append(pair)
    return {
        "pages": len(pairs),
        "items": {item: _rounded(character_error_rate(some)) for item, some in by_item.items()},
        "all": _rounded(character_error_rate(pairs.values())),
    }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 4)


def own_batch_id(folder: Path) -> str:
    """The batch id of the user's own folder."""
    return made_safe(f"own-{folder.resolve().name}")
