"""`station page`: list the pages of a batch that is being captured, and change one of them."""

from typing import Any

import click

from processors.profile import InvalidProfile, UnknownProfile
from processors.rules.value_formats import KINDS
from streams.cli.capture import CAPTURES, DISK_FIX, fail_with, station_here
from streams.cli.capture_options import batch_id, device_options, pseudonym, wishes_of
from streams.cli.capture_output import print_findings, print_page, print_page_rows
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.captured_page import NEXT_PLACE, Place
from streams.clients.capture.page_edits import (
    describe_page,
    find_page,
    place_beside,
    remove_page,
    skip_page,
)
from streams.clients.capture.routing import find_scanner, load_profile
from streams.clients.capture.target_measuring import TARGET, TargetMeasuring, corners_in
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.spool.spool_database import spool_folder
from streams.clients.station.capture_record import CaptureRecord
from streams.console import Exit, emit, err, fail, json_option
from streams.settings import Settings

NEEDS_REASON = "Give a reason with --reason."


def _corners(_: click.Context, __: click.Parameter, value: str | None) -> Any:
    try:
        return corners_in(value) if value is not None else None
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong


@click.group()
def station() -> None:
    """Change the pages of a batch."""


@station.command()
@click.argument("batch_id", metavar="BATCH_ID", callback=batch_id)
@click.argument("page", metavar="[ITEM:REF]", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Kind of the page.")
@click.option(
    "--corners",
    callback=_corners,
    metavar='"X,Y X,Y X,Y X,Y"',
    help="Pixels of the corners of a target: top left, top right, bottom right, bottom left.",
)
@click.option("--label", "labels", multiple=True, help="Label of the page. Can be repeated.")
@click.option("--rescan", is_flag=True, help="Scan the page again; the capture before is kept.")
@click.option("--insert", type=click.Choice(("before", "after")), help="Scan a page beside it.")
@click.option(
    "--skip",
    is_flag=True,
    help="State that the page cannot be captured; with --insert, a page beside it.",
)
@click.option("--remove", is_flag=True, help="Take the page out of the item; its capture is kept.")
@click.option("--reason", help="Why the page is skipped or removed.")
@click.option("--operator", callback=pseudonym, help="Pseudonym of the operator.")
@device_options
@json_option
def page(batch_id: str, page: str | None, as_json: bool, **options: Any) -> None:
    """List the pages of a batch, or change the page ITEM:REF before the batch is submitted.

    With ITEM alone, --skip adds a page that cannot be captured. A batch that was closed has to be
    closed again."""
    _check(page, options)
    settings = Settings.load()
    folder = CaptureFolder(spool_folder(settings) / CAPTURES / batch_id, batch_id)
    try:
        with folder.opened(None):
            rows = _changed(folder, page, options, settings) if page else _all_rows(folder)
    except (ScannerProblem, CaptureProblem) as problem:
        fail_with(problem)
    except (UnknownProfile, InvalidProfile) as wrong:
        fail(Exit.USAGE, str(wrong), "Restore the profile of the batch.")
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    emit({"batch_id": batch_id, "pages": rows}, as_json, lambda _: print_page_rows(rows))


def _check(page: str | None, options: dict[str, Any]) -> None:
    """Exit with 2 for options that exclude each other."""
    places = "insert" if options["insert"] else "skip" if options["skip"] else None
    actions = [one for one in ("rescan", "remove") if options[one]] + ([places] if places else [])
    if len(actions) > 1:
        fail(Exit.USAGE, f"--{actions[0]} and --{actions[1]} exclude each other")
    describes = options["kind"] or options["labels"] or options["corners"] is not None
    if page is None and (actions or describes):
        fail(Exit.USAGE, "no page is named", "Name it as ITEM:REF.")
    if (options["skip"] or options["remove"]) and not options["reason"]:
        fail(Exit.USAGE, "the reason is missing", NEEDS_REASON)


def _all_rows(folder: CaptureFolder) -> list[dict[str, Any]]:
    return [
        _row(item, one, number)
        for item in folder.items()
        for number, one in enumerate(folder.pages(item), 1)
    ]


def _row(item: str, record: CaptureRecord, sequence: int | None) -> dict[str, Any]:
    return {
        "item": item,
        "ref": record.ref,
        "sequence": sequence,
        "state": record.state,
        "kind": record.kind,
        "labels": record.labels,
        "file": record.file if record.has_file else None,
        "reason": record.reason,
        "target": record.target,
        "warnings": record.warnings,
        "superseded": record.superseded,
    }


def _changed(
    folder: CaptureFolder, name: str, options: dict[str, Any], settings: Settings
) -> list[dict[str, Any]]:
    """The pages that were changed, after the change."""
    item, named = find_page(folder, name)
    place = Place(replaced=named) if named else NEXT_PLACE
    if options["insert"]:
        place = place_beside(folder, item, _required(folder, named, name), options["insert"])
    if options["skip"]:
        reason, operator = options["reason"], options["operator"]
        changed = [skip_page(folder, item, place, reason, operator)]
    elif options["remove"]:
        changed = [remove_page(folder, item, _required(folder, named, name), options["reason"])]
    elif options["rescan"] or options["insert"]:
        _required(folder, named, name)
        changed = _scanned(folder, item, place, options, settings)
    else:
        changed = [named] if named else folder.pages(item)
    if options["kind"] or options["labels"] or options["corners"] is not None:
        _required(folder, named, name)
        changed = [_described(folder, item, one, options, settings) for one in changed]
    order = [one.ref for one in folder.pages(item)]
    sequence = {ref: number for number, ref in enumerate(order, 1)}
    return [_row(item, one, sequence.get(one.ref)) for one in changed]


def _described(
    folder: CaptureFolder,
    item: str,
    page: CaptureRecord,
    options: dict[str, Any],
    settings: Settings,
) -> CaptureRecord:
    """A page with another kind, other labels, or the corners of its chart."""
    kind, corners = options["kind"], options["corners"]
    if corners is not None and (kind or page.kind) != TARGET:
        found = f"{item}:{page.ref} is a {kind or page.kind} and no target"
        raise CaptureProblem("capture.kind-differs", found)
    targets = TargetMeasuring(None)
    if kind == TARGET or corners is not None:
        profiles = settings.station_profiles
        targets = TargetMeasuring(load_profile(folder.profile or "", profiles).target, profiles)
    labels = list(options["labels"]) or None
    described = describe_page(folder, item, page, kind, labels, targets, corners)
    if targets.aims is not None:
        print_findings(described)
    return described


def _required(folder: CaptureFolder, page: CaptureRecord | None, name: str) -> CaptureRecord:
    if page is None:
        found = f"{name} names an item, not a page"
        raise CaptureProblem("capture.page-unknown", found, batch=folder.batch_id)
    return page


def _scanned(
    folder: CaptureFolder, item: str, place: Place, options: dict[str, Any], settings: Settings
) -> list[CaptureRecord]:
    """Scan one page into a place."""
    with station_here(settings) as here:
        profile = load_profile(folder.profile or "", here.profiles)
        wishes = wishes_of(options)
        scanner, chosen = find_scanner(here, profile, wishes, options["driver"], options["device"])
        session = CaptureSession(folder, scanner, chosen, profile, options["operator"])
        session.charts = here.profiles
        session.notice = lambda problem: err.print(str(problem), soft_wrap=True)
        pages = list(session.capture(item, 1, place))
    for one in pages:
        print_page(one)
    return [one.record for one in pages]
