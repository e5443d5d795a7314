"""`packages follow` and `packages receive`: how a repository takes packages and answers."""

import json
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
from confluent_kafka import KafkaException

from processors.error_catalogue import fix_of
from streams.cli.package_lookup import looked_up_packages
from streams.clients.repository import follow as client
from streams.clients.repository.answers import Contradicts, NotSent, SpoolBusy
from streams.clients.repository.answers import receive as answer
from streams.console import Exit, emit, err, fail, json_option, out
from streams.settings import NotUp, Settings

REPOSITORY = "repository"
TOLD_EVERY_SECONDS = 30.0


@click.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Unpack each package here, as DIR/PACKAGE_ID, and accept it.",
    metavar="DIR",
)
@click.option("--group", default=REPOSITORY, show_default=True, help="Where to go on reading.")
@click.option("--repository", help="Who answers.  [default: the group]")
@click.option("--accept", is_flag=True, help="Accept what is verified, also without --into.")
@click.option("--since-now", is_flag=True, help="A new group leaves out what was published before.")
@click.option("--limit", type=click.IntRange(min=1), help="End after so many packages.")
@click.option("--timeout", type=click.FloatRange(min=0), help="End after so many seconds.")
@json_option
def follow(
    into: Path | None, group: str, repository: str | None, accept: bool, since_now: bool,
    limit: int | None, timeout: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Take each package that is published, from now on or from where the group stopped.

    Each is verified whole before it is shown. One that fails is refused, with code and reason, and
    the next is taken. What is verified is accepted with --into or --accept; else it is only shown,
    and `packages receive` answers. Goes on until Ctrl-C, --limit or --timeout."""
    stop = threading.Event()
    settings = Settings.load()
    with _ended_by(stop), _shown(as_json) as show:
        outcomes = _followed(
            settings, group, lambda _: None, into=into, repository=repository,
            since_now=since_now, answering=accept or into is not None, limit=limit,
            timeout_seconds=timeout, stop=stop, told=show, trouble=_Trouble(),
        )  # fmt: skip
    if limit is not None and len(outcomes) < limit and not stop.is_set():
        sys.exit(int(Exit.TIMEOUT))
    if any(outcome.accepted is False for outcome in outcomes):
        sys.exit(int(Exit.FAILED))


def _followed(*arguments: Any, **options: Any) -> list[client.Outcome]:
    try:
        return client.follow(*arguments, **options)
    except ValueError as wrong:
        fail(Exit.USAGE, str(wrong), "Name it otherwise than the line's own: --group archive")
    except SpoolBusy as busy:
        fail(
            Exit.FAILED, str(busy), "Only one follower of a group at a time; or take another group."
        )
    except NotSent as wrong:
        fail(Exit.MISSING_PART, f"Kafka: {wrong}", "The answer is kept; start again to send it.")
    except KafkaException as wrong:
        fail(Exit.MISSING_PART, f"Kafka: {wrong.args[0].str()}", "Look with: copystand status")
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)
    except OSError as wrong:
        fail(Exit.FAILED, f"not unpacked, not answered: {wrong}", "Make room, then start again.")


@contextmanager
def _ended_by(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM end it after the package at hand; the second one ends it at once."""
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
def _shown(as_json: bool) -> Iterator[Any]:
    """Shows each outcome as it comes; as JSON, one array that is whole when the command ends."""
    if not as_json:
        yield _line
        return
    count = 0

    def show(outcome: client.Outcome) -> None:
        nonlocal count
        text = json.dumps(_document(outcome), ensure_ascii=False)
        sys.stdout.write(("[\n" if count == 0 else ",\n") + text)
        sys.stdout.flush()
        count += 1

    try:
        yield show
    finally:
        sys.stdout.write("\n]\n" if count else "[]\n")


def _document(outcome: client.Outcome) -> dict[str, Any]:
    state = {True: "accepted", False: "refused", None: "published"}[outcome.accepted]
    path = outcome.package.path
    more = {"path": str(path.absolute()) if path else None, "reason": outcome.reason}
    return asdict(outcome.package) | {"state": state} | more


def _line(outcome: client.Outcome) -> None:
    package = outcome.package
    if outcome.accepted is False:
        said = f"[red]refused[/]  {package.package_id}"
    elif outcome.accepted:
        said = f"[green]accepted[/] {package.package_id}"
    else:
        said = f"verified {package.package_id}"
    out.print(said, highlight=False, soft_wrap=True)
    about = outcome.reason if outcome.accepted is False else _where(package)
    out.print(f"         {about}", highlight=False, markup=False, soft_wrap=True)


def _where(package: client.Package) -> str:
    return str(package.path or f"{package.size_bytes:,} bytes, {package.key}")


class _Trouble:
    """Tells on stderr what is waited for: at once, then only now and then."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, text: str) -> None:
        about = text.partition(":")[0]
        now = time.monotonic()
        if now - self._told.get(about, -TOLD_EVERY_SECONDS) >= TOLD_EVERY_SECONDS:
            self._told[about] = now
            err.print(f"waiting: {text}", highlight=False, markup=False, soft_wrap=True)


@click.command()
@click.argument("package_id")
@click.option("--accepted/--refused", "accepted", default=None, help="What the repository says.")
@click.option("--reason", help="Why; needed with --refused. It stands in the audit log.")
@click.option("--repository", default=REPOSITORY, show_default=True, help="Who answers.")
@click.option("--instead", is_flag=True, help="In the place of the other answer it gave before.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds.")
@json_option
def receive(
    package_id: str, accepted: bool | None, reason: str | None, repository: str, instead: bool,
    timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """Answer for a repository that does not read Kafka itself."""
    if accepted is None:
        fail(Exit.USAGE, "say what the repository answers: --accepted or --refused")
    if not accepted and not reason:
        fail(Exit.USAGE, "a refusal needs a reason: --reason 'no embargo date'")
    reason = reason or "accepted"
    with looked_up_packages() as known:
        package = known.show(package_id)
        before = [one for one in known.answers(package_id) if one["repository"] == repository]
    try:
        new = answer(
            Settings.load(), package, repository, accepted, reason, before,
            instead=instead, timeout_seconds=timeout,
        )  # fmt: skip
    except Contradicts as other:
        fail(Exit.FAILED, f"receipt.contradicts: {other}", fix_of("receipt.contradicts"))
    except SpoolBusy as busy:
        fail(Exit.FAILED, str(busy), "Try again when it has ended.")
    except NotSent as away:
        fix = "The answer is kept; give the same command again to send it."
        fail(Exit.TIMEOUT, f"Kafka: {away}", fix)
    said = {"package_id": package_id, "repository": repository, "accepted": accepted}
    document = said | {"reason": reason, "state": "sent" if new else "already known"}
    emit(document, as_json, _told)


def _told(document: dict[str, Any]) -> None:
    said = "accepted" if document["accepted"] else "refused"
    words = f"{document['package_id']}: {document['repository']} {said} it, {document['state']}"
    out.print(words, highlight=False, markup=False)
