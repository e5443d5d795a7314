"""The commands of a scanning station: `station devices`, `station scan` and `station close`."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from processors.profile import InvalidProfile, UnknownProfile
from schemas import ids
from streams.cli.capture_output import print_closed, print_devices, print_page, print_result
from streams.cli.capture_prompt import Operator
from streams.cli.spool import queue_delivery
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CapturedPage, CaptureSession, never_ask
from streams.clients.capture.closing import ClosedBatch, close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.routing import (
    DRIVERS,
    Station,
    all_profiles,
    driver_for,
    drivers_here,
    find_scanner,
    load_profile,
)
from streams.clients.scanners.agreement import profiles_kept
from streams.clients.scanners.capabilities import ColourMode, Device, Source
from streams.clients.scanners.capture_settings import Wishes
from streams.clients.scanners.escl_access import Access
from streams.clients.scanners.scanner_driver import ScannerDriver, ScannerProblem
from streams.clients.spool.spool_database import spool_folder
from streams.clients.station.folder import SubmissionOptions
from streams.console import Exit, emit, err, fail, json_option
from streams.settings import Settings

CAPTURES = "captures"
DISK_FIX = "Check the free space and permissions of the home. Complete pages are kept."
MISSING_PARTS = ("scanner.driver-missing", "scanner.not-found")
"""Problems that end with the exit code for a missing part."""
Problem = ScannerProblem | CaptureProblem


def batch_id(_: click.Context, __: click.Parameter, value: str) -> str:
    """The value, if it is an id of a batch."""
    if not ids.BATCH_ID.match(value):
        raise click.BadParameter(
            "must be 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit"
        )
    return value


def pseudonym(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value, if it is a pseudonym."""
    if value is not None and not ids.PSEUDONYM.match(value):
        raise click.BadParameter("person.not-a-pseudonym: must be a pseudonym such as o-17")
    return value


@click.group()
def station() -> None:
    """Scan pages into batches."""


@station.command()
@click.option("--driver", type=click.Choice(DRIVERS), help="Only devices of this driver.")
@click.option("--device", metavar="NAME|URL", help="Only this device.")
@json_option
def devices(driver: str | None, device: str | None, as_json: bool) -> None:
    """Show scanners, what they can do, and which profiles they can keep."""
    with _station(Settings.load()) as here:
        rows = list(_device_rows(here, driver, device))
    emit(rows, as_json, print_devices)
    if device is not None and rows[0]["problem"]:
        raise SystemExit(int(Exit.MISSING_PART))


@station.command()
@click.option("--profile", required=True, help="Profile that the pages have to keep.")
@click.option("--batch-id", required=True, callback=batch_id, help="Batch of the pages.")
@click.option("--item", help="Identifier of the item; by default the batch has one item.")
@click.option("--driver", type=click.Choice(DRIVERS), help="Way to reach the device.")
@click.option("--device", metavar="NAME|URL", help="Name, URL or folder of the device.")
@click.option(
    "--pages",
    type=click.IntRange(min=1),
    help="Pages that the item has in the end; pages of an interrupted scan count.",
)
@click.option("--no-prompt", is_flag=True, help="Ask nothing, and close the batch in the end.")
@click.option("--source", type=click.Choice([one.value for one in Source]), help="Paper source.")
@click.option("--colour", type=click.Choice([one.value for one in ColourMode]), help="Colours.")
@click.option("--resolution", type=click.FloatRange(min=1), metavar="DPI", help="Resolution.")
@click.option(
    "--icc-profile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="ICC profile of the device, which is embedded in each page.",
)
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
def scan(profile: str, batch_id: str, as_json: bool, **options: Any) -> None:
    """Scan pages into a batch, each checked against the profile before it counts.

    A page is complete and durable before it is shown. After an interruption, the same command
    continues. Without --no-prompt, `copystand station close` closes the batch."""
    if options["submit"] and not options["no_prompt"]:
        raise click.UsageError(
            "--submit needs --no-prompt; without it, use: station close --submit"
        )
    settings = Settings.load()
    result: dict[str, Any] = {"batch_id": batch_id, "profile": profile, "state": "open"}
    result |= {"item": None, "driver": None, "device": None, "settings": None}
    result |= {"folder": None, "manifest": None, "pages": [], "problem": None}
    problem: Problem | None = None
    try:
        with _station(settings, options["idle"]) as here:
            _scan(here, spool_folder(settings) / CAPTURES, result, options)
    except (UnknownProfile, InvalidProfile) as wrong:
        fail(Exit.USAGE, str(wrong), "Choose another --profile.")
    except (ScannerProblem, CaptureProblem) as stopped:
        problem = stopped
        result["problem"] = stopped.document()
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    if options["submit"] and result["state"] == "closed":
        result["queued"] = _queued(settings, result, options["operator"])
    emit(result, as_json, print_result)
    if problem is not None:
        _fail(problem)


@station.command()
@click.argument("batch_id", metavar="BATCH_ID", callback=batch_id)
@click.option("--operator", callback=pseudonym, help="Pseudonym of the operator.")
@click.option("--submit", is_flag=True, help="Put the batch into the spool, which submits it.")
@json_option
def close(batch_id: str, operator: str | None, submit: bool, as_json: bool) -> None:
    """Close a batch of scanned pages: check every page again and make the manifest.

    The command prints the folder, which `copystand station submit` takes."""
    settings = Settings.load()
    folder = CaptureFolder(spool_folder(settings) / CAPTURES / batch_id, batch_id)
    try:
        with folder.opened(None):
            closed = close_batch(folder, operator)
    except CaptureProblem as problem:
        _fail(problem)
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    document = closed.document()
    if submit:
        of_batch = {**document, "profile": folder.profile}
        document["queued"] = _queued(settings, of_batch, operator)
    emit(document, as_json, lambda _: print_closed(closed, document, folder.profile or ""))


def _queued(settings: Settings, closed: dict[str, Any], operator: str | None) -> dict[str, Any]:
    """A closed batch in the spool."""
    options = SubmissionOptions(closed["batch_id"], closed["profile"], operator=operator)
    return queue_delivery(settings, Path(closed["folder"]), options).document()


def _scan(here: Station, captures: Path, result: dict[str, Any], options: dict[str, Any]) -> None:
    profile = load_profile(result["profile"], here.profiles)
    source, colour = options["source"], options["colour"]
    wishes = Wishes(
        Source(source) if source else None,
        ColourMode(colour) if colour else None,
        options["resolution"],
        options["icc_profile"],
    )
    scanner, chosen = find_scanner(here, profile, wishes, options["driver"], options["device"])
    result["driver"], result["device"] = scanner.device.driver, scanner.device.document()
    result["settings"] = chosen.document()
    folder = CaptureFolder(captures / result["batch_id"], result["batch_id"])
    with folder.opened(profile.name):
        item = result["item"] = item_folder(folder, options["item"])
        records = [one for each in folder.items() for one in folder.pages(each)]
        scanner.resume([one.document() for one in records])
        session = CaptureSession(folder, scanner, chosen, profile, options["operator"])
        session.notice = lambda problem: err.print(str(problem), soft_wrap=True)
        _capture(session, item, options, result["pages"].append)
        session.take_sidecars(item)
        result["folder"] = str(folder.files)
        if options["no_prompt"]:
            result |= {
                **_closed(close_batch(folder, options["operator"])),
                "pages": result["pages"],
            }


def _closed(closed: ClosedBatch) -> dict[str, Any]:
    document = closed.document()
    return {key: document[key] for key in ("state", "folder", "manifest", "manifest_sha256")}


def _capture(
    session: CaptureSession, item: str, options: dict[str, Any], keep: Callable[[Any], None]
) -> None:
    """Scan the pages that are missing, or those that the operator asks for."""

    def show(page: CapturedPage) -> None:
        keep(page.document())
        print_page(page)

    wanted: int | None = options["pages"]
    if not options["no_prompt"]:
        Operator(session, item, wanted, show).work()
        return
    assert session.ask is never_ask
    source = session.settings.source
    folders = session.folder.items() if source is Source.FOLDER else [item]
    have = sum(len(session.folder.pages(one)) for one in folders)
    if wanted is None and not (source.is_feeder or source is Source.FOLDER):
        wanted = have + 1
    if wanted is None or wanted > have:
        for page in session.capture(item, None if wanted is None else wanted - have):
            show(page)


@contextmanager
def _station(settings: Settings, idle_seconds: float = 0) -> Iterator[Station]:
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


def _fail(problem: Problem) -> None:
    code = Exit.MISSING_PART if problem.code in MISSING_PARTS else Exit.FAILED
    fail(code, str(problem), problem.fix)
