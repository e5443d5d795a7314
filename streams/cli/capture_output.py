"""What the commands of a scanning station print."""

from typing import Any

from processors.wording import counted
from streams.clients.capture.captured_page import CapturedPage
from streams.clients.capture.closing import ClosedBatch
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.targets.target_findings import in_words
from streams.console import blocks, err, out, table, words


def print_devices(rows: list[dict[str, Any]]) -> None:
    """Print devices, what they can do, and the profiles that they can keep."""
    if not rows:
        out.print("No scanners found. A device that is not found can be named with --device.")
    shown = []
    for row in rows:
        sources = [
            f"{one['source']}: {', '.join(one['modes'])}; {one['resolutions_dpi']} dpi;"
            f" {', '.join(one['formats'])}"
            for one in row["capabilities"]
        ]
        problem = row["problem"]
        shown.append(
            {
                "name": row["name"],
                "driver": row["driver"],
                "device": f"{row['vendor']} {row['model']}".strip() or "unknown",
                "serial": row["serial"],
                "can do": " | ".join(sources) or "unknown",
                "keeps": ", ".join(row["profiles"]) or "no profile",
                "problem": f"{problem['code']}: {problem['found']}" if problem else "none",
            }
        )
    blocks(shown, ["name", "driver"], ["device", "serial", "can do", "keeps", "problem"])


def print_page(page: CapturedPage) -> None:
    """Print a page that is on disk, with its preview and warnings."""
    found = page.record.found
    size = f"{found['width_px']} x {found['height_px']} px"
    dpi = f", {found['resolution_dpi']:g} dpi" if found["resolution_dpi"] else ""
    colour = f", {found['mode']} {found['bits_per_sample']} bit"
    amount = f", {page.record.size_bytes / 1e6:.1f} MB"
    err.print(words((f"{page.item} {page.record.ref}", "bold"), f": {size}{dpi}{colour}{amount}"))
    if page.preview is not None:
        err.print(f"  preview: {page.preview}", soft_wrap=True)
    print_findings(page.record)


def print_findings(record: CaptureRecord) -> None:
    """Print what was measured of a target, and the warnings about a page."""
    if record.target is not None:
        err.print(f"  target {record.target['chart']}: {in_words(record.target)}", soft_wrap=True)
    for warning in record.warnings:
        err.print(f"  {warning['code']}: {warning['found']}", soft_wrap=True)


def print_result(result: dict[str, Any]) -> None:
    """Print how a scan ended, and what to do next."""
    name, pages = result["batch_id"], len(result["pages"])
    out.print(words((name, "bold"), f": {result['state']}, {counted(pages, 'page')} scanned"))
    if result.get("queued"):
        _print_queued(result["queued"])
    elif result["state"] == "closed":
        _print_next(result["folder"], name, result["profile"])
    elif result["problem"] is None:
        out.print(f"  Close it: copystand station close {name}")


def print_closed(closed: ClosedBatch, document: dict[str, Any], profile: str) -> None:
    """Print a closed batch, and how to submit it, unless it is in the spool."""
    count = closed.delivery.page_count
    out.print(words((closed.batch_id, "bold"), f": closed, {counted(count, 'page')}"))
    if closed.targets:
        out.print(f"  Colour targets of other batches: {', '.join(closed.targets)}")
    if document.get("queued"):
        _print_queued(document["queued"])
    else:
        _print_next(str(closed.folder), closed.batch_id, profile)


def _print_queued(queued: dict[str, Any]) -> None:
    out.print(f"  In the spool as {queued['id']}; follow it: copystand station spool")


def _print_next(folder: str, name: str, profile: str) -> None:
    command = f"copystand station submit {folder} --batch-id {name} --profile {profile}"
    out.print(f"  Submit it: {command}", soft_wrap=True)


def print_page_rows(rows: list[dict[str, Any]]) -> None:
    """Print pages of a batch in their order."""
    shown = [
        {
            **row,
            "page": f"{row['item']}:{row['ref']}",
            "labels": " ".join(row["labels"]),
            "captures": len(row["superseded"]) + (row["file"] is not None),
        }
        for row in rows
    ]
    table(shown, ["page", "sequence", "state", "kind", "labels", "captures", "reason"])
