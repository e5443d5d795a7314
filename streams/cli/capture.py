"""The commands of a scanning station: `station devices`, `station scan` and `station close`."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from processors.profile import InvalidProfile, Profile, UnknownProfile
from processors.rules.value_formats import KINDS
from streams.cli.capture_options import batch_id, device_options, pseudonym, wishes_of
from streams.cli.capture_order import CANNOT, device_cannot, print_order, take_order
from streams.cli.capture_output import print_devices, print_page, print_result
from streams.cli.capture_prompt import Operator
from streams.cli.spool import queue_closed
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession, never_ask
from streams.clients.capture.captured_page import CapturedPage
from streams.clients.capture.closing import ClosedBatch, close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.order_choice import Order, note_order
from streams.clients.capture.routing import (
    DRIVERS,
    Station,
    all_profiles,
    driver_for,
    drivers_here,
    find_scanner,
    load_profile,
)
from streams.clients.capture.separators import Separators
from streams.clients.scanners.agreement import profiles_kept
from streams.clients.scanners.capabilities import Device, Source
from streams.clients.scanners.capture_settings import CaptureSettings, Wishes
from streams.clients.scanners.escl_access import Access
from streams.clients.scanners.scanner_driver import Scanner, ScannerDriver, ScannerProblem
from streams.clients.spool.spool_database import spool_folder
from streams.clients.station.capture_record import MISSING
from streams.console import Exit, emit, err, fail, json_option
from streams.settings import Settings

CAPTURES = "captures"
RESULT = (
    *("batch_id", "profile", "order", "state", "item", "driver", "device", "settings"),
    *("folder", "manifest", "pages", "problem"),
)
"""Keys of the document of `station scan`."""
DISK_FIX = "Check the free space and permissions of the home. Complete pages are kept."
MISSING_PARTS = ("scanner.driver-missing", "scanner.not-found")
"""Problems that end with the exit code for a missing part."""
Problem = ScannerProblem | CaptureProblem


@click.group()
def station() -> None:
    """Scan pages into batches."""


@station.command()
@click.option("--driver", type=click.Choice(DRIVERS), help="Only devices of this driver.")
@click.option("--device", metavar="NAME|URL", help="Only this device.")
@json_option
def devices(driver: str | None, device: str | None, as_json: bool) -> None:
    """Show scanners, what they can do, and which profiles they can keep."""
    with station_here(Settings.load()) as here:
        rows = list(_device_rows(here, driver, device))
    emit(rows, as_json, print_devices)
    if device is not None and rows[0]["problem"]:
        raise SystemExit(int(Exit.MISSING_PART))


@station.command()
@click.option("--profile", help="Profile that the pages have to keep; that of the order.")
@click.option(
    "--batch-id", callback=batch_id, help="Batch of the pages; by default the order's id."
)
@click.option("--order", help="Capture order to work on: it names profile, items and notes.")
@click.option("--item", help="Identifier of the item; by default the batch has one item.")
@click.option(
    "--kind",
    type=click.Choice([one for one in KINDS if one != MISSING]),
    default="page",
    show_default=True,
    help="Kind of the pages that this command scans.",
)
@device_options
@click.option(
    "--pages",
    type=click.IntRange(min=1),
    help="Pages that the item has in the end; pages of an interrupted scan count.",
)
@click.option(
    "--separators",
    is_flag=True,
    help="Look for separator sheets: each begins an item or describes the next page.",
)
@click.option("--no-prompt", is_flag=True, help="Ask nothing, and close the batch in the end.")
@click.option(
    "--idle",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="A watched folder without a new file for this long has no more pages.",
)
@click.option("--operator", callback=pseudonym, help="Pseudonym of the operator.")
@click.option("--submit", is_flag=True, help="With --no-prompt: put the batch into the spool.")
@json_option
def scan(as_json: bool, **options: Any) -> None:
    """Scan pages into a batch, each checked against the profile before it counts.

    A page is complete and durable before it is shown. After an interruption, the same command
    continues. Without --no-prompt, `copystand station close` closes the batch."""
    if options["submit"] and not options["no_prompt"]:
        raise click.UsageError(
            "--submit needs --no-prompt; without it, use: station close --submit"
        )
    settings = Settings.load()
    result: dict[str, Any] = {**dict.fromkeys(RESULT), "state": "open", "pages": []}
    problem: Problem | None = None
    try:
        order = take_order(settings, options["order"], options) if options["order"] else None
        _check_given(options)
        result |= {name: options[name] for name in ("batch_id", "profile", "order")}
        with station_here(settings, options["idle"]) as here:
            _scan(here, settings, result, options, order)
    except (UnknownProfile, InvalidProfile) as wrong:
        fail(Exit.USAGE, str(wrong), "Choose another --profile.")
    except (ScannerProblem, CaptureProblem) as stopped:
        problem = stopped
        result["problem"] = stopped.document()
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    if options["submit"] and result["state"] == "closed":
        result["queued"] = queue_closed(settings, result, options["operator"])
    emit(result, as_json, print_result)
    if problem is not None:
        fail_with(problem)


def _check_given(options: dict[str, Any]) -> None:
    """Exit with 2 when neither an option nor an order says what to scan."""
    for name in ("profile", "batch_id"):
        if options[name] is None:
            fail(Exit.USAGE, f"--{name.replace('_', '-')} is missing", "Give it, or --order.")


def _find(
    here: Station,
    settings: Settings,
    profile: Profile,
    options: dict[str, Any],
    order: Order | None,
) -> tuple[Scanner, CaptureSettings]:
    """The device and its settings. Raises ScannerProblem, CaptureProblem."""
    driver, device = options["driver"], options["device"]
    try:
        return find_scanner(here, profile, wishes_of(options), driver, device)
    except ScannerProblem as problem:
        if order is None or problem.code != CANNOT:
            raise
        raise device_cannot(settings, here, order, device, driver) from problem


def _scan(
    here: Station,
    settings: Settings,
    result: dict[str, Any],
    options: dict[str, Any],
    order: Order | None,
) -> None:
    profile, captures = (
        load_profile(result["profile"], here.profiles),
        spool_folder(settings) / CAPTURES,
    )
    scanner, chosen = _find(here, settings, profile, options, order)
    result["driver"], result["device"] = scanner.device.driver, scanner.device.document()
    result["settings"] = chosen.document()
    folder = CaptureFolder(captures / result["batch_id"], result["batch_id"])
    with folder.opened(profile.name):
        if order is not None:
            note_order(folder, order)
            print_order(order)
        item = result["item"] = item_folder(folder, options["item"])
        records = [one for each in folder.items() for one in folder.records(each)]
        scanner.resume([one.document() for one in records])
        session = CaptureSession(folder, scanner, chosen, profile, options["operator"])
        session.kind, session.charts = options["kind"], here.profiles
        session.notice = lambda problem: err.print(str(problem), soft_wrap=True)
        if options["separators"]:
            _look_for_separators(session, item)
        ordered = tuple(order["items"]) if order else ()
        _capture(session, item, options, result["pages"].append, ordered)
        session.take_sidecars(item)
        result["folder"] = str(folder.files)
        if options["no_prompt"]:
            result |= {
                **_closed(close_batch(folder, options["operator"])),
                "pages": result["pages"],
            }


def _look_for_separators(session: CaptureSession, item: str) -> None:
    if session.settings.source is Source.FOLDER:
        found = "a watched folder has items by its sub-folders"
        raise CaptureProblem("separator.not-in-folder", found)
    session.separators = Separators.resumed(session.folder, item)
    session.separated = lambda sheet: err.print(f"separator sheet: {'; '.join(sheet.lines())}")


def _closed(closed: ClosedBatch) -> dict[str, Any]:
    document = closed.document()
    return {key: document[key] for key in ("state", "folder", "manifest", "manifest_sha256")}


def _capture(
    session: CaptureSession,
    item: str,
    options: dict[str, Any],
    keep: Callable[[Any], None],
    ordered: tuple[str, ...],
) -> None:
    """Scan the pages that are missing, or those that the operator asks for."""

    def show(page: CapturedPage) -> None:
        keep(page.document())
        print_page(page)

    wanted: int | None = options["pages"]
    if not options["no_prompt"]:
        Operator(session, item, wanted, show, ordered).work()
        return
    assert session.ask is never_ask
    source = session.settings.source
    in_batch = source is Source.FOLDER or session.separators is not None
    folders = session.folder.items() if in_batch else [item]
    have = sum(len(session.folder.pages(one)) for one in folders)
    if wanted is None and not (source.is_feeder or source is Source.FOLDER):
        wanted = have + 1
    if wanted is None or wanted > have:
        for page in session.capture(item, None if wanted is None else wanted - have):
            show(page)


@contextmanager
def station_here(settings: Settings, idle_seconds: float = 0) -> Iterator[Station]:
    """What drivers need to know of this station, with a folder for their files."""
    with tempfile.TemporaryDirectory(prefix="copystand-scan-") as work:
        yield Station(
            Path(work),
            settings.station_profiles,
            settings.sane_config,
            settings.scan_timeout_seconds,
            idle_seconds,
            access=Access(settings.scanner_login, settings.scanner_certificates),
        )


def _device_rows(here: Station, driver: str | None, device: str | None) -> Iterator[dict[str, Any]]:
    if device is not None:
        name = driver or driver_for(device)
        yield _device_row(here, here.driver(name), Device(name, device))
        return
    for name in (driver,) if driver else drivers_here():
        one = here.driver(name)
        try:
            for found in one.devices():
                yield _device_row(here, one, found)
        except ScannerProblem as problem:
            err.print(f"{name}: {problem}", soft_wrap=True)
            err.print(f"  {problem.fix}", soft_wrap=True)


def _device_row(here: Station, driver: ScannerDriver, device: Device) -> dict[str, Any]:
    try:
        scanner = driver.open(device.name)
        offered = scanner.capabilities()
    except ScannerProblem as problem:
        found = {**device.document(), "problem": problem.document()}
        return {**found, "capabilities": [], "profiles": []}
    return {
        **scanner.device.document(),
        "capabilities": [one.document() for one in offered.sources],
        "profiles": list(profiles_kept(all_profiles(here.profiles), offered, Wishes())),
        "problem": None,
    }


def fail_with(problem: Problem) -> NoReturn:
    """Exit with the code, the finding and the fix of a problem."""
    code = Exit.MISSING_PART if problem.code in MISSING_PARTS else Exit.FAILED
    fail(code, str(problem), problem.fix)
