"""Control requests of the commands: their options, sending them, and printing the decisions."""

from collections.abc import Callable, Sequence
from typing import Any

import click
import psycopg

from processors.error_catalogue import fix_of
from processors.wording import counted
from schemas.ids import PSEUDONYM
from schemas.models import ControlDecided, ControlRequested
from streams.cli.listings import postgres_down, print_fields
from streams.clients.control_requests import (
    RequestedAction,
    RequestSubject,
    make_request,
    send_requests,
)
from streams.clients.station.line_queries import line_queries
from streams.console import Exit, Seconds, emit, fail, json_option
from streams.kafka.client import OPERATOR
from streams.settings import NotUp, Settings

SHOWN_FIELDS = {"granted", "action", "subjects", "value", "code", "fix", "by", "reason"}
"""Fields of a decision that are printed."""
TRACKER_FIX = "Check that the tracker is running: copystand status"


def control_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of every request: who asks, why, and how long to wait."""
    for option in (
        json_option,
        timeout_option("the decision"),
        click.option(
            "--reason", required=True, help="Reason. Shown with the audit log; can be deleted."
        ),
        click.option("--by", required=True, help="Your pseudonym, such as p-4."),
    ):
        command = option(command)
    return command


def timeout_option(awaited: str) -> Callable[..., Any]:
    """Adds --timeout with its default."""
    text = f"Seconds to wait for {awaited}."
    return click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help=text)


def check_pseudonym(by: str) -> None:
    """Exit with 2 when --by is not a pseudonym."""
    if not PSEUDONYM.match(by):
        fail(
            Exit.USAGE,
            f"person.not-a-pseudonym: --by must be a pseudonym such as p-4, got {by!r}",
            "Create one with: copystand person add NAME",
        )


def check_known(settings: Settings, by: str) -> None:
    """Exit with 1 when the register does not let an operator name this person.

    For commands that no tracker decides; of the others the tracker judges the person."""
    check_pseudonym(by)
    try:
        with line_queries(settings) as line:
            refusal = line.person(by).refusal(by, OPERATOR)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    if refusal:
        code, found = refusal
        fail(Exit.FAILED, f"{code}: {found}", fix_of(code, pseudonym=by))


def request(
    action: str,
    batch_id: str,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    value: str | None = None,
) -> None:
    """Ask for a decision about a batch and print it; exits with 1 when it is refused."""
    check_pseudonym(by)
    about = RequestSubject((f"batch:{batch_id}",), batch_id=batch_id)
    asked = RequestedAction(action, by, reason, value)
    print_decision(Settings.load(), asked, about, timeout, as_json)


def print_decision(
    settings: Settings,
    asked: RequestedAction,
    about: RequestSubject,
    timeout: float,
    as_json: bool,
) -> None:
    """Ask for one decision and print it; exits with 1 when it is refused."""
    (decision,) = decisions_on(settings, [make_request(asked, about, settings.version)], timeout)
    emit_decision(decision, as_json)


def decisions_on(
    settings: Settings,
    requests: Sequence[ControlRequested],
    timeout: float,
    fix: str = TRACKER_FIX,
) -> list[ControlDecided]:
    """The tracker's decision on each request; exits with 4 when one does not come in time."""
    answers = send_requests(settings, requests, timeout) if requests else []
    decisions = [one for one in answers if one is not None]
    missing = len(requests) - len(decisions)
    if missing:
        count = f"{missing} of {counted(len(requests), 'request')}"
        message = f"the tracker did not answer {count} within {timeout:g} s"
        fail(Exit.TIMEOUT, message, fix)
    return decisions


def emit_decision(decision: ControlDecided, as_json: bool) -> None:
    """Print a decision; exits with 1 when it is a refusal."""
    if as_json or decision.granted:
        emit(decision_document(decision), as_json, print_fields)
    if not decision.granted:
        fail(Exit.FAILED, f"{decision.code}: {decision.fix}")


def decision_document(decision: ControlDecided) -> dict[str, Any]:
    """The fields of a decision that are printed."""
    return decision.model_dump(mode="json", include=SHOWN_FIELDS)
