"""`packages follow` and `packages receive`: how a repository gets packages and answers."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import psycopg
from confluent_kafka import KafkaException

from processors.error_catalogue import fix_of
from streams import free_texts
from streams.cli.listings import postgres_down
from streams.cli.package_lookup import completeness_note, looked_up_packages
from streams.cli.requests import timeout_option
from streams.clients.repository import follow as client
from streams.clients.repository.answers import (
    LONGEST_REASON,
    Contradicts,
    NotSent,
    SpoolBusy,
    send_answer,
)
from streams.console import Exit, Seconds, emit, err, fail, json_array, json_option, out, words
from streams.settings import NotUp, Settings
from streams.text_references import FIXED

REPOSITORY = "repository"
REPEAT_SECONDS = 30.0


@click.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Unpack each package to DIR/PACKAGE_ID and accept it.",
    metavar="DIR",
)
@click.option("--group", default=REPOSITORY, show_default=True, help="Consumer group.")
@click.option("--repository", help="Repository that answers.  [default: the group]")
@click.option("--accept", is_flag=True, help="Accept verified packages without --into.")
@click.option("--since-now", is_flag=True, help="A new group skips packages published before now.")
@click.option("--limit", type=click.IntRange(min=1), help="Exit after this number of packages.")
@click.option("--timeout", type=Seconds(), help="Exit after this number of seconds.")
@json_option
def follow(
    into: Path | None, group: str, repository: str | None, accept: bool, since_now: bool,
    limit: int | None, timeout: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Verify each published package, starting where the group stopped.

    A package that fails verification is refused with code and reason. A verified package is
    accepted with --into or --accept; otherwise it is only printed, and `packages receive` answers.
    Runs until Ctrl-C, --limit or --timeout."""
    stop = threading.Event()
    settings = Settings.load()
    with _stopped_by_signals(stop), _printer(as_json) as show:
        outcomes = _follow(
            settings, group, lambda _: None, into=into, repository=repository,
            since_now=since_now, answering=accept or into is not None, limit=limit,
            timeout_seconds=timeout, stop=stop, on_outcome=show, on_wait=_WaitMessages(),
        )  # fmt: skip
    if limit is not None and len(outcomes) < limit and not stop.is_set():
        sys.exit(int(Exit.TIMEOUT))
    if any(outcome.accepted is False for outcome in outcomes):
        sys.exit(int(Exit.FAILED))


def _follow(*arguments: Any, **options: Any) -> list[client.PackageOutcome]:
    try:
        return client.follow(*arguments, **options)
    except ValueError as refused:
        fix = "Use a name that does not start with `copystand.`, such as --group archive"
        fail(Exit.USAGE, str(refused), fix)
    except SpoolBusy as busy:
        fail(Exit.FAILED, str(busy), "A group can have one follower. Use another --group.")
    except NotSent as failed:
        fix = "The answer is saved. Run the command again to send it."
        fail(Exit.MISSING_PART, f"Kafka error: {failed}", fix)
    except KafkaException as failed:
        message = f"Kafka error: {failed.args[0].str()}"
        fail(Exit.MISSING_PART, message, "Check the line: copystand status")
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)
    except OSError as failed:
        fix = "Check the free space and the permissions, then run the command again."
        fail(Exit.FAILED, f"package was neither unpacked nor answered: {failed}", fix)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM stop it after the current package; the second one stops it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.getsignal(name) for name in names}

    def end(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for name in names:
        signal.signal(name, end)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _printer(as_json: bool) -> Iterator[Any]:
    """Prints each outcome as it comes; as JSON, one array that is closed at the end."""
    if not as_json:
        yield _line
        return
    with json_array() as show:
        yield lambda outcome: show(_document(outcome))


def _document(outcome: client.PackageOutcome) -> dict[str, Any]:
    state = {True: "accepted", False: "refused", None: "published"}[outcome.accepted]
    path = outcome.package.path
    more = {"path": str(path.absolute()) if path else None, "reason": outcome.reason}
    return asdict(outcome.package) | {"state": state} | more


def _line(outcome: client.PackageOutcome) -> None:
    package = outcome.package
    if outcome.accepted is False:
        verdict = ("refused", "red")
    elif outcome.accepted:
        verdict = ("accepted", "green")
    else:
        verdict = ("verified", "")
    note = completeness_note(package.missing_pages)
    out.print(words(verdict, f" {package.package_id}{note}"), soft_wrap=True)
    detail = outcome.reason if outcome.accepted is False else _location(package)
    out.print(f"         {detail}", soft_wrap=True)


def _location(package: client.Package) -> str:
    return str(package.path or f"{package.size_bytes:,} bytes, {package.key}")


class _WaitMessages:
    """Prints to stderr what is waited for: at once, then every REPEAT_SECONDS."""

    def __init__(self) -> None:
        self._printed_at: dict[str, float] = {}

    def __call__(self, text: str) -> None:
        kind = text.partition(":")[0]
        now = time.monotonic()
        if now - self._printed_at.get(kind, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self._printed_at[kind] = now
            err.print(f"waiting: {text}", soft_wrap=True)


@click.command()
@click.argument("package_id")
@click.option("--accepted/--refused", "accepted", default=None, help="Answer of the repository.")
@click.option("--reason", help="Reason. Required with --refused. Can be deleted.")
@click.option(
    "--repository", default=REPOSITORY, show_default=True, help="Repository that answers."
)
@click.option("--instead", is_flag=True, help="Replace the opposite answer given before.")
@timeout_option("Kafka")
@json_option
def receive(
    package_id: str, accepted: bool | None, reason: str | None, repository: str, instead: bool,
    timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """Record the answer of a repository that does not read Kafka."""
    if accepted is None:
        fail(Exit.USAGE, "either --accepted or --refused is required")
    if not accepted and not reason:
        fail(Exit.USAGE, "--refused requires a reason, such as: --reason 'no embargo date'")
    reason = reason or "accepted"
    with looked_up_packages() as published:
        package = published.show(package_id)
        answers = published.answers(package_id)
    stored = _stored_reason(reason, repository)
    previous = [one for one in answers if one["repository"] == repository]
    try:
        new = send_answer(
            Settings.load(), package, repository, accepted, stored, previous,
            replace=instead, timeout_seconds=timeout,
        )  # fmt: skip
    except Contradicts as other:
        fail(Exit.FAILED, f"receipt.contradicts: {other}", fix_of("receipt.contradicts"))
    except SpoolBusy as busy:
        fail(Exit.FAILED, str(busy), "Run the command again when that process has ended.")
    except NotSent as failed:
        fix = "The answer is saved. Run the same command again to send it."
        fail(Exit.TIMEOUT, f"Kafka error: {failed}", fix)
    answer = {"package_id": package_id, "repository": repository, "accepted": accepted}
    document = answer | {"reason": reason, "state": "sent" if new else "already known"}
    emit(document, as_json, _print_answer)


def _stored_reason(reason: str, repository: str) -> str:
    """The reference to a reason, which is in the table of texts before the answer is published."""
    if reason in FIXED:
        return reason
    try:
        with psycopg.connect(
            Settings.load().dsn("tracker"), connect_timeout=free_texts.CONNECT_SECONDS
        ) as connection:
            return free_texts.put(connection, reason[:LONGEST_REASON], repository)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


def _print_answer(document: dict[str, Any]) -> None:
    answer = "accepted" if document["accepted"] else "refused"
    text = f"{document['package_id']}: {answer} by {document['repository']} ({document['state']})"
    out.print(text)
