"""`station serve`: unattended work with a feeder or a watched folder."""

import signal
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from processors.profile import InvalidProfile, UnknownProfile
from processors.wording import counted
from schemas.ids import made_safe
from schemas.times import written
from streams.cli.capture import CAPTURES, DISK_FIX, fail_with, station_here
from streams.cli.capture_options import device_options, pseudonym, wishes_of
from streams.cli.capture_order import own_name
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.order_choice import Order, fitting, source_of
from streams.clients.capture.routing import Station, driver_for, find_scanner, load_profile
from streams.clients.capture.served_batches import ServedBatch, ServedBatches
from streams.clients.capture.serving import (
    POLL_SECONDS,
    ClosingRule,
    Device,
    NotHandedOver,
    Serving,
)
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.spool.background import start_in_background
from streams.clients.spool.deliveries import OPEN, PUBLISHING, Deliveries, SpoolProblem
from streams.clients.spool.spool_database import DATABASE, open_spool, spool_folder
from streams.clients.station.folder import SubmissionOptions
from streams.console import Exit, emit_event, err, fail, json_option, words
from streams.settings import Settings

SECONDS = click.FloatRange(min=0)


@click.group()
def station() -> None:
    """Work unattended."""


@station.command()
@device_options
@click.option("--profile", help="Work with this profile, without orders.")
@click.option("--pages", type=click.IntRange(min=1), help="Close a batch with this many pages.")
@click.option(
    "--idle",
    type=SECONDS,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Close a batch when no page came for this long.",
)
@click.option(
    "--until-idle",
    type=SECONDS,
    metavar="SECONDS",
    help="End when no page came for this long.  [default: never]",
)
@click.option("--operator", callback=pseudonym, help="Pseudonym of the operator.")
@json_option
def serve(as_json: bool, **options: Any) -> None:
    """Capture unattended: take orders for the device, close batches, and queue them in the spool.

    It waits for paper in a feeder or for files in a folder. Separator sheets are obeyed. After an
    interruption, the same command continues. With --json, each event is a line of JSON."""
    if options["device"] is None:
        fail(Exit.USAGE, "--device is missing", "List the devices: copystand station devices")
    settings, tell = Settings.load(), Telling(as_json)
    try:
        _continue(spool_folder(settings))
        with station_here(settings, POLL_SECONDS) as here:
            serving = _serving(settings, here, options, tell)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: serving.stop.set())
            serving.run()
    except (UnknownProfile, InvalidProfile) as wrong:
        fail(Exit.USAGE, str(wrong), "Choose another --profile.")
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    finally:
        tell.end()
    if serving.problem is not None:
        fail_with(serving.problem)


class Telling:
    """Prints each event as a line of JSON, or the present one in a status line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json, self._last, self._pages = as_json, "", 0
        self._line = err.status("") if err.is_terminal and not as_json else None
        if self._line is not None:
            self._line.start()

    def __call__(self, event: str, **found: Any) -> None:
        """Print an event. One that is repeated without change is printed once."""
        self._pages += event == "page"
        named = " ".join(f"{name} {value}" for name, value in found.items() if value is not None)
        text = f"{event}: {named}" if named else event
        if text == self._last:
            return
        self._last = text
        if self._as_json:
            emit_event({"event": event, "at": written(datetime.now(UTC)), **found})
        elif self._line is not None:
            self._line.update(words(f"{counted(self._pages, 'page')}. {text}"))
        if not self._as_json and (self._line is None or event != "page"):
            err.print(text, soft_wrap=True)

    def end(self) -> None:
        """End the status line."""
        if self._line is not None:
            self._line.stop()


def _serving(
    settings: Settings, here: Station, options: dict[str, Any], tell: Callable[..., None]
) -> Serving:
    orders = _Orders(settings, here, options)
    device = str(options["device"])
    prefix = made_safe(f"{own_name(settings) or 'station'}-{datetime.now(UTC):%Y%m%d}")
    batches = ServedBatches(spool_folder(settings) / CAPTURES, device, prefix)
    orders.batches = batches
    return Serving(
        batches=batches,
        device_for=lambda order: _device(here, options, order),
        next_order=None if options["profile"] else orders.next,
        known_order=orders.find,
        hand_over=lambda batch: _queue(spool_folder(settings), batch, options["operator"]),
        rule=ClosingRule(options["pages"], options["idle"]),
        tell=tell,
        operator=options["operator"],
        until_idle_seconds=options["until_idle"],
    )


def _device(here: Station, options: dict[str, Any], order: Order | None) -> Device:
    name, driver = options["device"], options["driver"]
    usual = Source.FOLDER if Path(name).is_dir() else Source.FEEDER
    if order is None and options["profile"] is None:
        raise CaptureProblem("order.unknown", "the order of the open batch is not known here")
    source = options["source"] or (source_of(order) if order else None) or usual
    profile = load_profile(order["profile"] if order else options["profile"], here.profiles)
    wishes = wishes_of({**options, "source": source})
    scanner, chosen = find_scanner(here, profile, wishes, driver, name)
    return Device(scanner, chosen, profile, here.profiles)


class _Orders:
    """The orders that this station and its device can take, as Kafka has them."""

    batches: ServedBatches

    def __init__(self, settings: Settings, here: Station, options: dict[str, Any]) -> None:
        self._settings, self._here, self._options = settings, here, options
        self._known: dict[str, Order] = {}

    def next(self) -> Order | None:
        """The most urgent order that has an item without a page."""
        orders: Any = import_module("streams.clients.known_orders")
        name, driver = self._options["device"], self._options["driver"]
        try:
            known = orders.known_orders(self._settings)
            offered = self._here.driver(driver or driver_for(name)).open(name).capabilities()
        except (orders.OrdersUnknown, ScannerProblem):
            return None
        mine = known.open_for(own_name(self._settings))
        self._known = {one["order_id"]: one for one in mine}
        usable = fitting(mine, offered, self._here.profiles)
        return next((one for one in usable if self.batches.missing_items(one)), None)

    def find(self, order_id: str) -> Order | None:
        """An order by its id; Kafka is asked for one that is not known yet."""
        if order_id and not self._options["profile"] and order_id not in self._known:
            self.next()
        return self._known.get(order_id)


def _queue(spool: Path, batch: ServedBatch, operator: str | None) -> dict[str, Any]:
    """Put a closed batch into the spool, which submits it when the line can be reached. Raises
    NotHandedOver."""
    options = SubmissionOptions(
        batch.folder.batch_id, profile=batch.folder.profile or "", operator=operator
    )
    try:
        with open_spool(spool) as opened:
            queued = Deliveries(opened).queue(batch.folder.files, options)
        start_in_background(spool)
    except (SpoolProblem, sqlite3.Error, OSError) as failed:
        raise NotHandedOver(str(failed)) from failed
    return queued.document()


def _continue(spool: Path) -> None:
    """Let the spool go on with what waits since the station was switched off."""
    if not (spool / DATABASE).exists():
        return
    with open_spool(spool) as opened:
        waits = any(one.state in (*OPEN, PUBLISHING) for one in Deliveries(opened).all())
    if waits:
        start_in_background(spool)
