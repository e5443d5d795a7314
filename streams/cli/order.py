"""`copystand order`: what is to be captured, by which station, and until when."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import psycopg

from processors.error_catalogue import fix_of
from processors.profile import InvalidProfile, UnknownProfile
from processors.wording import counted
from schemas.ids import BATCH_ID
from streams import free_texts
from streams.capture_orders import (
    ADD,
    ASSIGN,
    ASSIGNED,
    CLOSE,
    CLOSED,
    DEVICE_CLASSES,
    OPEN,
    PRIORITIES,
    STARTED,
    SUBJECT,
    OrderContent,
    is_station,
)
from streams.cli.capture import station_here
from streams.cli.listings import postgres_down, print_fields
from streams.cli.requests import check_pseudonym, control_options, print_decision
from streams.clients.capture.order_choice import fitting
from streams.clients.capture.routing import DRIVERS, driver_for, load_profile
from streams.clients.capture.separator_printing import PAPERS, print_sheets
from streams.clients.capture.separator_sheet import SHEET_KINDS, SeparatorSheet
from streams.clients.control_requests import RequestedAction, RequestSubject
from streams.clients.known_orders import KnownOrders, OrdersUnknown, known_orders
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.console import Exit, emit, err, fail, json_option, out, table
from streams.settings import NotUp, Settings

COLUMNS = ["order_id", "state", "priority", "due", "profile", "items", "assigned_to", "batches"]


def _order_id(_: click.Context, __: click.Parameter, value: str) -> str:
    if not BATCH_ID.match(value):
        raise click.BadParameter(
            "must be 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit"
        )
    return value


ID = click.argument("order_id", metavar="ORDER_ID", callback=_order_id)


@click.group()
def order() -> None:
    """Manage capture orders."""


@order.command()
@ID
@click.option("--item", "items", multiple=True, required=True, help="Item. Can be repeated.")
@click.option("--profile", required=True, help="Profile that the pages have to keep.")
@click.option("--device-class", type=click.Choice(DEVICE_CLASSES), help="Paper source.")
@click.option("--notes", default="", help="Handling notes for the operator; can be deleted.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Last day.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES),
    default="normal",
    show_default=True,
    help="Priority.",
)
@control_options
def add(order_id: str, by: str, reason: str, timeout: float, as_json: bool, **fields: Any) -> None:
    """Order that items are captured. The tracker decides; stations then see the order."""
    check_pseudonym(by)
    settings = Settings.load()
    notes, due = fields.pop("notes").strip(), fields.pop("due")
    content = OrderContent(**fields, due=_day(due))
    try:
        load_profile(content.profile, settings.home / "profiles")
        content.check()
    except (UnknownProfile, InvalidProfile, ValueError) as wrong:
        fail(Exit.USAGE, str(wrong))
    reference = _stored(settings, notes, by) if notes else ""
    content = OrderContent(**fields, due=_day(due), notes=reference)
    asked = RequestedAction(ADD, by, reason, content.value())
    print_decision(settings, asked, _about(order_id), timeout, as_json)


def _day(due: datetime | None) -> str | None:
    return due.date().isoformat() if due else None


def _stored(settings: Settings, notes: str, by: str) -> str:
    """The reference to the notes: facts have it in their place."""
    try:
        dsn = settings.dsn("tracker")
        with psycopg.connect(dsn, connect_timeout=free_texts.CONNECT_SECONDS) as connection:
            return free_texts.put(connection, notes, by)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


@order.command()
@ID
@click.option("--to", metavar="STATION", help="Sender that gets it, such as station-lab-2.")
@click.option("--to-nobody", is_flag=True, help="Give it back: every station may take it.")
@control_options
def assign(
    order_id: str,
    to: str | None,
    to_nobody: bool,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
) -> None:
    """Assign an order to a station."""
    check_pseudonym(by)
    if (to is None) is not to_nobody:
        fail(Exit.USAGE, "give either --to STATION or --to-nobody")
    if to is not None and not is_station(to):
        fail(Exit.USAGE, f"--to must be station or station-NAME, got {to!r}")
    asked = RequestedAction(ASSIGN, by, reason, to)
    print_decision(Settings.load(), asked, _about(order_id), timeout, as_json)


@order.command()
@ID
@control_options
def close(order_id: str, by: str, reason: str, timeout: float, as_json: bool) -> None:
    """Close an order that is complete or no longer wanted."""
    check_pseudonym(by)
    asked = RequestedAction(CLOSE, by, reason)
    print_decision(Settings.load(), asked, _about(order_id), timeout, as_json)


def _about(order_id: str) -> RequestSubject:
    return RequestSubject((SUBJECT + order_id,))


@order.command("list")
@click.option(
    "--state", type=click.Choice((OPEN, ASSIGNED, STARTED, CLOSED)), help="Only this state."
)
@click.option("--for-device", metavar="NAME|URL", help="Only orders that this device can take.")
@click.option("--driver", type=click.Choice(DRIVERS), help="Way to reach the device.")
@json_option
def list_(state: str | None, for_device: str | None, driver: str | None, as_json: bool) -> None:
    """List orders, oldest first. A station reads them with its own login."""
    settings = Settings.load()
    found = orders_or_exit(settings)
    rows: Iterable[dict[str, Any]] = found.documents
    if state is not None:
        rows = [one for one in rows if one["state"] == state]
    if for_device is not None:
        rows = _for_device(settings, rows, for_device, driver)
    emit(list(rows), as_json, _render)


def _for_device(
    settings: Settings, rows: Iterable[dict[str, Any]], device: str, driver: str | None
) -> list[dict[str, Any]]:
    try:
        with station_here(settings) as here:
            offered = here.driver(driver or driver_for(device)).open(device).capabilities()
            wanted = [one for one in rows if one["state"] != CLOSED]
            return fitting(wanted, offered, here.profiles)
    except ScannerProblem as problem:
        fail(Exit.MISSING_PART, str(problem), problem.fix)


def _render(rows: list[dict[str, Any]]) -> None:
    table(
        [row | {"items": len(row["items"]), "batches": " ".join(row["batches"])} for row in rows],
        COLUMNS,
    )


@order.command()
@ID
@json_option
def show(order_id: str, as_json: bool) -> None:
    """Show one order with its items and handling notes."""
    found = orders_or_exit(Settings.load()).find(order_id)
    if found is None:
        _fail_unknown(order_id)
    emit(found, as_json, print_fields)


@order.command("print-separators")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--order", "order_id", help="A sheet for this order and one for each of its items.")
@click.option("--item", "items", multiple=True, help="A sheet that begins this item.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(SHEET_KINDS), help="Of a kind.")
@click.option("--label", "labels", multiple=True, help="A sheet for this label.")
@click.option("--paper", type=click.Choice(list(PAPERS)), default="a4", show_default=True)
@json_option
def print_separators(
    file: Path,
    order_id: str | None,
    items: tuple[str, ...],
    kinds: tuple[str, ...],
    labels: tuple[str, ...],
    paper: str,
    as_json: bool,
) -> None:
    """Write separator sheets as a PDF, one page for each. Each option can be repeated.

    A sheet begins an item, or describes the page behind it. It has a QR code, a Data Matrix and
    the same in words."""
    sheets = [SeparatorSheet(order=order_id)] if order_id else []
    if order_id:
        found = orders_or_exit(Settings.load()).find(order_id)
        if found is None:
            _fail_unknown(order_id)
        items = (*found["items"], *items)
    sheets += [SeparatorSheet(item=one) for one in items]
    sheets += [SeparatorSheet(kind=one) for one in kinds]
    sheets += [SeparatorSheet(label=one) for one in labels]
    try:
        for sheet in sheets:
            sheet.check()
        if not sheets:
            raise ValueError("no sheet is asked for: give --order, --item, --kind or --label")
        print_sheets(sheets, paper, file)
    except ValueError as wrong:
        fail(Exit.USAGE, str(wrong))
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", "Check the folder of the file and its free space.")
    document = {"file": str(file), "sheets": [asdict(one) for one in sheets]}
    emit(document, as_json, lambda _: out.print(f"{file}: {counted(len(sheets), 'sheet')}"))


def _fail_unknown(order_id: str) -> NoReturn:
    fail(Exit.FAILED, f"order.unknown: no order {order_id} is known", fix_of("order.unknown"))


def orders_or_exit(settings: Settings) -> KnownOrders:
    """The orders that are known here; exits with 3 if they were never read."""
    try:
        found = known_orders(settings)
    except OrdersUnknown as unknown:
        fail(Exit.MISSING_PART, f"order.none-known: {unknown}", fix_of("order.none-known"))
    if found.problem:
        err.print(f"Orders as read at {found.read_at}: {found.problem}", soft_wrap=True)
    return found
