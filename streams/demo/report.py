"""Prints the report of the demo."""

from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from processors.wording import counted
from streams.console import out

COUNTS = ("registered", "packaged", "quarantined", "cancelled", "in_flight")
SHOWN_LENGTH = 110


def show(report: dict[str, Any]) -> None:
    """Print the packages, the quarantine records, the history of one page, and the figures."""
    _batches(report["batches"])
    _packages(report["packages"])
    _quarantined(report["quarantined"])
    _timeline(report["timeline"])
    _accuracy(report["accuracy"])
    out.print(
        f"[bold]{report['pages_per_minute']} pages per minute[/]"
        f" ({counted(report['pages'], 'page')} in {report['seconds']} s, from the submission to the"
        f" last page); start-up {report['set_up_seconds']} s; home {report['home']}",
        highlight=False,
    )
    for surprise in report["surprises"]:
        out.print(f"[bold red]unexpected result:[/] {escape(surprise)}", highlight=False)


def _drawn(title: str, *columns: str) -> Table:
    drawn = Table(*columns, title=title, box=SIMPLE, title_justify="left", header_style="dim")
    drawn.title_style = "bold"
    return drawn


def _batches(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Batches (page counts)", "batch", "state", *COUNTS)
    for row in rows:
        drawn.add_row(row["batch_id"], row["state"], *(str(row[count]) for count in COUNTS))
    out.print(drawn)


def _packages(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Packages", "package", "size", "content digest")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.1f} MB"
        drawn.add_row(row["package_id"], size, row["content_digest"][:16] + "…")
    out.print(drawn)


def _quarantined(rows: list[dict[str, Any]]) -> None:
    drawn = _drawn("Quarantine records", "subject", "", "")
    for row in rows:
        subject = row["page_id"] or row["item_id"] or row["batch_id"]
        for number, fault in enumerate(_faults(row)):
            drawn.add_row("" if number else subject, "[bold]code[/]", f"[bold]{fault['code']}[/]")
            for part in ("where", "found", "fix"):
                drawn.add_row("", part, escape(fault[part]))
        drawn.add_section()
    out.print(drawn)


def _faults(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The errors of a record if it has several, else the record itself."""
    errors = [one for one in row.get("diagnostics", ()) if one["severity"] in ("fatal", "error")]
    return errors if len(errors) > 1 else [row]


def _timeline(timeline: dict[str, Any]) -> None:
    title = f"History of page {timeline['page_id']} (causal order)"
    drawn = _drawn(title, "seq", "time (UTC)", "event", "outcome", "detail")
    for event in timeline["events"]:
        when = str(event["occurred_at"])[11:23]
        outcome = event["outcome"] + (f" {event['code']}" if event["code"] else "")
        seq, detail = str(event["seq"]), _cut(event["detail"])
        drawn.add_row(seq, when, event["event_type"], outcome, detail)
    out.print(drawn)


def _cut(text: str) -> str:
    return escape(text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…")


def _accuracy(accuracy: dict[str, Any]) -> None:
    if not accuracy["pages"]:
        return
    drawn = _drawn("Character error rate", "item", "rate")
    for item, rate in accuracy["items"].items():
        drawn.add_row(item, f"{rate:.2%}")
    drawn.add_section()
    drawn.add_row(counted(accuracy["pages"], "page"), f"{accuracy['all']:.2%}")
    out.print(drawn)
