"""Compares the results of the demo with the expected ones."""

from collections.abc import Iterator
from typing import Any

from processors.wording import counted
from streams.demo.collection import BOOKS, FAULTS, VOLUMES
from streams.demo.faults import FAULT_CODES

WORST_ERROR_RATE = 0.05


def surprises(report: dict[str, Any], own: bool = False) -> list[str]:
    """The differences from the expected results, one sentence each; empty if there are none."""
    return list(_of_own(report) if own else _of_ours(report))


def _of_own(report: dict[str, Any]) -> Iterator[str]:
    for row in report["batches"]:
        if row["state"] != "settled":
            yield f"batch {row['batch_id']} is {row['state']}"
    if report["quarantined"]:
        count = counted(len(report["quarantined"]), "quarantine record")
        yield f"{count}; see the table above"
    yield from _of_history(report)


def _of_ours(report: dict[str, Any]) -> Iterator[str]:
    batches = {row["batch_id"]: row for row in report["batches"]}
    yield from _of_books(report, batches[BOOKS])
    if batches[FAULTS]["state"] != "quarantined":
        yield f"the faulty manifest was not refused: {batches[FAULTS]['state']}"
    codes = [one["code"] for one in _faults(report, FAULTS)]
    if sorted(codes) != sorted(FAULT_CODES):
        yield f"the faulty manifest has codes {codes}; expected: {', '.join(FAULT_CODES)}"
    rate = report["accuracy"]["all"]
    if rate is None or rate > WORST_ERROR_RATE:
        yield f"the character error rate is {rate}; expected: at most {WORST_ERROR_RATE}"
    packaged, read = batches[BOOKS]["packaged"], report["accuracy"]["pages"]
    if read != packaged:
        yield f"{counted(packaged, 'page')} packaged, but {read} with recognized text"
    yield from _of_history(report)


def _of_books(report: dict[str, Any], books: dict[str, Any]) -> Iterator[str]:
    undamaged = [volume for volume in VOLUMES if volume.damaged_page is None]
    damaged = [volume for volume in VOLUMES if volume.damaged_page is not None]
    wanted = {
        "state": "settled",
        "packaged": sum(volume.pages for volume in undamaged),
        # All pages of an item are held when one of them is quarantined.
        "quarantined": sum(volume.pages for volume in damaged),
        "in_flight": 0,
    }
    for name, value in wanted.items():
        if books[name] != value:
            yield f"batch {BOOKS}: {name} is {books[name]}; expected: {value}"
    packaged = {row["item_id"] for row in report["packages"]}
    if packaged != {f"{BOOKS}.{volume.folder}" for volume in undamaged}:
        yield f"unexpected set of packaged items: {sorted(packaged)}"
    pages = {row["page_id"] for row in report["quarantined"] if row["batch_id"] == BOOKS}
    truncated = {f"{BOOKS}.{volume.folder}:{volume.damaged_page:04d}" for volume in damaged}
    if pages != truncated:
        yield f"quarantined pages: {sorted(map(str, pages))}; expected: {sorted(truncated)}"


def _faults(report: dict[str, Any], batch_id: str) -> list[dict[str, Any]]:
    records = [row for row in report["quarantined"] if row["batch_id"] == batch_id]
    found = [one for row in records for one in row.get("diagnostics", ())]
    return [one for one in found if one["severity"] in ("fatal", "error")]


def _of_history(report: dict[str, Any]) -> Iterator[str]:
    if report["packages"] and not report["timeline"]["complete"]:
        yield "the audit log does not contain the package of the first page"
