"""The report of a demonstration, for people."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.console import out

COUNTS = ("registered", "packaged", "quarantined", "cancelled", "in_flight")
SHOWN_LENGTH = 110
PAPER_WIDTH = 132


def show(report: dict[str, Any]) -> None:
    """Print what was packaged, what was quarantined and why, one page's history, the figures."""
    _batches(report["batches"])
    _packages(report["packages"])
    _quarantined(report["quarantined"])
    _timeline(report["timeline"])
    _accuracy(report["accuracy"])
    _paper().print(
        f"[bold]{report['pages_per_minute']} pages a minute[/] ({report['pages']} pages in"
        f" {report['seconds']} s, from submission to the last of them);"
        f" set-up {report['set_up_seconds']} s; home {report['home']}",
        highlight=False,
    )
    for surprise in report["surprises"]:
        _paper().print(f"[bold red]not as expected:[/] {surprise}", highlight=False)


def _paper() -> Console:
    """The terminal; a file gets lines of its own width, since nobody told us one."""
    return out if out.is_terminal else Console(width=PAPER_WIDTH)


def _drawn(title: str, *columns: str) -> Table:
    drawn = Table(*columns, title=title, box=SIMPLE, title_justify="left", header_style="dim")
    drawn.title_style = "bold"
    return drawn


def _batches(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Batches, counted in pages", "batch", "state", *COUNTS)
    for row in rows:
        drawn.add_row(row["batch_id"], row["state"], *(str(row[count]) for count in COUNTS))
    _paper().print(drawn)


def _packages(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Packaged", "package", "size", "content digest")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.1f} MB"
        drawn.add_row(row["package_id"], size, row["content_digest"][:16] + "…")
    _paper().print(drawn)


def _quarantined(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Quarantined, and why", "what", "", "")
    for row in rows:
        what = row["page_id"] or row["item_id"] or row["batch_id"]
        for number, fault in enumerate(_faults(row)):
            drawn.add_row("" if number else what, "[bold]code[/]", f"[bold]{fault['code']}[/]")
            for part in ("where", "found", "fix"):
                drawn.add_row("", part, escape(fault[part]))
        drawn.add_section()
    _paper().print(drawn)


def _faults(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Each fault of a record by itself, when it has several; warnings are not among them."""
    told = [one for one in row.get("diagnostics", ()) if one["severity"] in ("fatal", "error")]
    return told if len(told) > 1 else [row]


def _timeline(timeline: dict[str, Any]) -> None:
    title = f"History of page {timeline['page_id']}, in order of cause"
    drawn = _drawn(title, "seq", "when", "event", "outcome", "what")
    for event in timeline["events"]:
        when = str(event["occurred_at"])[11:23]
        outcome = event["outcome"] + (f" {event['code']}" if event["code"] else "")
        seq, detail = str(event["seq"]), _cut(event["detail"])
        drawn.add_row(seq, when, event["event_type"], outcome, detail)
    _paper().print(drawn)


def _cut(text: str) -> str:
    return escape(text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…")


def _accuracy(accuracy: dict[str, Any]) -> None:
    if not accuracy["pages"]:
        return
    drawn = _drawn("Character error rate against the truth", "item", "rate")
    for item, rate in accuracy["items"].items():
        drawn.add_row(item, f"{rate:.2%}")
    drawn.add_section()
    drawn.add_row(f"all {accuracy['pages']} pages", f"{accuracy['all']:.2%}")
    _paper().print(drawn)
