"""Prints the report of the demo."""

from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from processors.wording import counted
from streams.audit.history_view import history_view
from streams.console import drawn, fields, out, styled, words

COUNTS = ("registered", "packaged", "quarantined", "cancelled", "in_flight")
FAULT_FIELDS = ("code", "where", "found", "fix")
DETAIL_LENGTH = 110


def show(report: dict[str, Any]) -> None:
    """Print the packages, the quarantine records, the history of one page, and the figures."""
    _batches(report["batches"])
    _packages(report["packages"])
    _quarantined(report["quarantined"])
    _timeline(report["timeline"])
    _accuracy(report["accuracy"])
    figures = (
        f" ({counted(report['pages'], 'page')} in {report['seconds']} s, from the submission to the"
        f" last page); start-up {report['set_up_seconds']} s; home {report['home']}"
    )
    out.print(words((f"{report['pages_per_minute']} pages per minute", "bold"), figures))
    for surprise in report["surprises"]:
        out.print(words(("unexpected result:", "bold red"), f" {surprise}"))


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, box=SIMPLE, title_justify="left", header_style="dim")
    table.title_style = "bold"
    return table


def _batches(rows: list[dict[str, Any]]) -> None:
    out.print(words(("Batches", "bold"), " (page counts)"))
    out.print(drawn(rows, ["batch_id", "state", *COUNTS]))


def _packages(rows: list[dict[str, Any]]) -> None:
    table = _table("Packages", "package", "size", "content digest")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.1f} MB"
        table.add_row(row["package_id"], size, row["content_digest"][:16] + "…")
    out.print(table)


def _quarantined(rows: list[dict[str, Any]]) -> None:
    out.print(words(("Quarantine records", "bold")))
    for row in rows:
        out.print(styled(row["page_id"] or row["item_id"] or row["batch_id"], "bold"))
        for fault in _faults(row):
            out.print(fields({name: styled(fault[name]) for name in FAULT_FIELDS}))
    out.print()


def _faults(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The errors of a record if it has several, else the record itself."""
    errors = [one for one in row.get("diagnostics", ()) if one["severity"] in ("fatal", "error")]
    return errors if len(errors) > 1 else [row]


def _timeline(timeline: dict[str, Any]) -> None:
    out.print(words((f"History of page {timeline['page_id']}", "bold"), " (causal order)"))
    out.print(history_view(timeline["events"], DETAIL_LENGTH))
    out.print()


def _accuracy(accuracy: dict[str, Any]) -> None:
    if not accuracy["pages"]:
        return
    table = _table("Character error rate", "item", "rate")
    for item, rate in accuracy["items"].items():
        table.add_row(item, f"{rate:.2%}")
    table.add_section()
    table.add_row(counted(accuracy["pages"], "page"), f"{accuracy['all']:.2%}")
    out.print(table)
