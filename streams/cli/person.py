"""`copystand person`: the register of pseudonyms, and the names behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from schemas.ids import PSEUDONYM
from schemas.models import ControlDecided
from streams import pseudonyms
from streams.cli.listings import postgres_down
from streams.cli.requests import (
    check_pseudonym,
    control_options,
    decisions_on,
    print_decision,
    timeout_option,
)
from streams.clients.control_requests import RequestedAction, RequestSubject, make_request
from streams.console import Exit, emit, fail, json_option, out, table
from streams.known_persons import REGISTER, RETIRE, SENDER_FORM, SUBJECT, value_of
from streams.settings import NotUp, Settings

REGISTERED = "Person registered."
OTHER_ID = "Choose another pseudonym, or leave --id out to get a new one."
COLUMNS = ["pseudonym", "name", "state", "senders", "added_at"]


@contextmanager
def _table() -> Iterator[str]:
    """The connection string of the table; exits with 3 when PostgreSQL is down."""
    try:
        yield Settings.load().dsn("tracker")
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    except pseudonyms.NumbersUnknown as early:
        fix = "Start the line (copystand up), and run the command again when the tracker is ready."
        fail(Exit.MISSING_PART, str(early), fix)
    except pseudonyms.NameTaken as taken:
        fail(Exit.FAILED, str(taken), OTHER_ID)


@click.group()
def person() -> None:
    """Manage pseudonyms of operators. Events contain pseudonyms, never names."""


@person.command("add")
@click.argument("name", required=False)
@click.option("--id", "given", metavar="PSEUDONYM", help="Register this pseudonym, such as o-17.")
@click.option(
    "--sender",
    "senders",
    multiple=True,
    help="Sender that may name the person: operator, station, or station-NAME. Can be repeated."
    "  [default: any]",
)
@click.option("--by", help="Your pseudonym.  [default: the one that is registered]")
@click.option("--reason", default=REGISTERED, show_default=True, help="Reason. In the audit log.")
@timeout_option("the decision")
@json_option
def add(name: str | None, given: str | None, as_json: bool, **options: Any) -> None:
    """Register a person: create a pseudonym for NAME, or take the given one.

    From the first registered person on, submissions and requests may name registered persons only,
    and those that the audit log named before."""
    name = (name or "").strip()
    _check_options(name, given, options["by"], options["senders"])
    is_new = False
    with _table() as dsn:
        if given is None:
            pseudonym, is_new = pseudonyms.add(dsn, name), True
        else:
            pseudonym = given
            is_new = bool(name) and pseudonyms.claim(dsn, pseudonym, name)
        decision = _registered(pseudonym, **options)
        if not decision.granted:
            if is_new:
                pseudonyms.remove(dsn, pseudonym)
            fail(Exit.FAILED, f"{decision.code}: {decision.fix}")
    emit({"pseudonym": pseudonym}, as_json, lambda document: out.print(document["pseudonym"]))


def _check_options(name: str, given: str | None, by: str | None, senders: tuple[str, ...]) -> None:
    """Exit with 2 when an option cannot be used."""
    if given is None and not name:
        fail(Exit.USAGE, "the name is empty", "Give a NAME, or a pseudonym with --id.")
    if given is not None and not PSEUDONYM.match(given):
        fail(Exit.USAGE, f"person.not-a-pseudonym: --id must be such as o-17, got {given!r}")
    if by is not None:
        check_pseudonym(by)
    for sender in senders:
        if not SENDER_FORM.match(sender):
            fail(Exit.USAGE, f"--sender must be operator, station or station-NAME, got {sender!r}")


def _registered(
    pseudonym: str, by: str | None, reason: str, senders: tuple[str, ...], timeout: float
) -> ControlDecided:
    """The decision on the registration. Exits with 4 when it does not come in time."""
    settings = Settings.load()
    asked = RequestedAction(REGISTER, by or pseudonym, reason, value_of(senders))
    subject = RequestSubject((SUBJECT + pseudonym,))
    again = f"Run it again when the tracker is ready: copystand person add --id {pseudonym} NAME"
    (decision,) = decisions_on(
        settings, [make_request(asked, subject, settings.version)], timeout, again
    )
    return decision


@person.command("retire")
@click.argument("pseudonym")
@control_options
def retire(pseudonym: str, by: str, reason: str, timeout: float, as_json: bool) -> None:
    """Refuse submissions and requests that name PSEUDONYM from now on.

    What the person did before stays as it is. `person add --id` registers the person again."""
    check_pseudonym(by)
    asked, about = RequestedAction(RETIRE, by, reason), RequestSubject((SUBJECT + pseudonym,))
    print_decision(Settings.load(), asked, about, timeout, as_json)


@person.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List registered persons and stored names."""
    with _table() as dsn:
        rows = [one.document() for one in pseudonyms.all_persons(dsn)]
    emit(rows, as_json, lambda rows: table(rows, COLUMNS))


@person.command("forget")
@click.argument("pseudonym")
def forget(pseudonym: str) -> None:
    """Delete the name of PSEUDONYM. The log keeps the pseudonym."""
    with _table() as dsn:
        done = pseudonyms.delete_name(dsn, pseudonym)
    if not done:
        fail(Exit.FAILED, f"no name is stored for {pseudonym}", "List them: copystand person list")
