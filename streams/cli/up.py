"""The commands `up` and `down`."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from infra import paths, permissions, processes
from infra.disk import Shortage, free_space, mount_point
from infra.doctor import check_parts
from infra.kafka import tail
from infra.kafka_access import is_open
from processors.error_catalogue import fix_of
from streams.cli.waiting_roles import print_waiting
from streams.console import Exit, emit, err, fail, json_option, out, words
from streams.kafka.client import OPERATOR
from streams.settings import Settings
from streams.supervisor import supervisor
from streams.supervisor.disk_guard import needed_at_first
from streams.supervisor.state import NO_SPACE, read_state, supervisor_pid

if TYPE_CHECKING:  # it loads the Kafka client
    from streams.monitoring.consumer_lag import ConsumerGroups

NOW_LOCKED = (
    "Kafka of this home now requires a login; your own programs need one:"
    " docs/how-to/give-access-to-kafka.md"
)
NOW_SIGNED = (
    "Stations and repositories of this home now sign their messages. Those on other machines need"
    " a new credential file: docs/how-to/give-access-to-kafka.md"
)
START_LIMIT_SECONDS = supervisor.START_LIMIT_SECONDS + 30


@click.command()
@json_option
def up(as_json: bool) -> None:
    """Start Kafka, PostgreSQL and all roles.

    Returns when the line is ready. Does nothing if it is already running."""
    began = time.monotonic()
    settings = Settings.load()
    _refuse_new_home_without_space(settings)
    home = _prepared(settings.home)
    if supervisor_pid(home) is None:
        missing = [row for row in check_parts() if not row.found and row.is_required]
        if missing:
            fail(Exit.MISSING_PART, f"{missing[0].part} is missing", missing[0].fix)
        _prepare_store(settings)
        later = _later_schemas(settings, home)
        was_open, was_unsigned = is_open(home), _is_unsigned(home)
        state = _start(home, later, quiet=as_json)
        if was_open:
            err.print(NOW_LOCKED, soft_wrap=True)
        if was_unsigned:
            err.print(NOW_SIGNED, soft_wrap=True)
    else:
        state = _wait_until_ready(home, None, quiet=as_json)
        err.print(f"The line in {home} is already running.")
    seconds = round(time.monotonic() - began, 1)
    waits = print_waiting(settings)
    document = {"home": str(home), "ports": state["ports"], "seconds": seconds, "waits_for": waits}
    ready = words(("ready", "green"), f" in {seconds} s, home {home}")
    emit(document, as_json, lambda _: out.print(ready))


@click.command()
@click.option("--drain", is_flag=True, help="First finish all work in flight.")
@click.option("--now", is_flag=True, help="Use a grace period of 5 s instead of 30 s.")
@click.option(
    "--timeout", type=float, default=3600.0, show_default=True, help="Seconds to wait for --drain."
)
@json_option
def down(drain: bool, now: bool, timeout: float, as_json: bool) -> None:
    """Stop the line, including Kafka and PostgreSQL."""
    if drain and now:
        fail(Exit.USAGE, "--drain and --now cannot be used together")
    began = time.monotonic()
    settings = Settings.load()
    home = settings.home.resolve()
    pid = supervisor_pid(home)
    if pid is None:
        err.print(f"No line is running in {home}.")
    else:
        if drain:
            _drain(settings, began + timeout)
        end_supervisor(home, pid, signal.SIGUSR1 if now else signal.SIGTERM)
    seconds = round(time.monotonic() - began, 1)
    document = {"home": str(home), "ports": read_state(home).get("ports", {}), "seconds": seconds}
    emit(document, as_json, lambda _: out.print(f"stopped in {seconds} s"))


def end_supervisor(home: Path, pid: int, how: signal.Signals) -> None:
    """Signal a supervisor to stop, and wait until it and all its children have ended."""
    deadline = time.monotonic() + supervisor.GRACE_SECONDS + 60
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
    while processes.is_alive(pid):
        if time.monotonic() > deadline:
            fail(Exit.TIMEOUT, f"supervisor {pid} did not stop in time", f"See {_log(home)}")
        time.sleep(0.05)


def _refuse_new_home_without_space(settings: Settings) -> None:
    """A home that was started before is not refused: it starts by itself when there is space."""
    free, needed = free_space(settings.home), needed_at_first(settings)
    if not free.covers(needed) and not read_state(settings.home):
        _fail_without_space(str(Shortage(mount_point(settings.home), free, needed)), begun=False)


def _fail_without_space(shortage: str, *, begun: bool) -> NoReturn:
    code, disk = "disk.below-floor", shortage.partition(" has ")[0]
    follows = "starts by itself when there is space" if begun else "was not created"
    fix = fix_of(code, disk=disk) if begun else f"Free space on {disk}, then run: copystand up"
    fail(Exit.MISSING_PART, f"{code}: {shortage}. The line {follows}.", fix)


def _prepared(home: Path) -> Path:
    try:
        home = paths.prepare_home(home)
        before = permissions.make_private(home)
    except OSError as failed:
        fix = "Set COPYSTAND_HOME to a writable folder."
        fail(Exit.USAGE, f"cannot use {home} as home: {failed}", fix)
    if before:
        err.print(f"The mode of {home} was {before} and is now 0700: only its owner can read it.")
    return home


def _is_unsigned(home: Path) -> bool:
    """Whether a home worked before and was never started by a version that signs."""
    from streams.known_senders import KnownSenders

    return (home / "run" / "provisioned").exists() and KnownSenders(home).needs_start()


def _prepare_store(settings: Settings) -> None:
    from streams.storage.factory import prepare_store

    prepare_store(settings)


def _later_schemas(settings: Settings, home: Path) -> dict[str, str]:
    """The environment of roles that can read what later versions write, if there is a registry."""
    if not settings.schema_registry:
        return {}
    from streams.schema_registry.line_schemas import copy_from
    from streams.schema_registry.registry import Registry, RegistryProblem

    registry = Registry(settings.schema_registry, settings.schema_registry_login)
    try:
        copied = copy_from(registry, home)
    except RegistryProblem as problem:
        fail(Exit.MISSING_PART, str(problem), fix_of(problem.code))
    if copied.warning:
        err.print(f"The schemas of the last start are used: {copied.warning}", soft_wrap=True)
    return {"COPYSTAND_LATER_SCHEMAS": str(copied.folder)}


def _start(home: Path, later: dict[str, str], quiet: bool) -> dict[str, Any]:
    from streams.topology import BESIDE_THE_LINE, ROLES

    beside = BESIDE_THE_LINE if Settings.load().enrichment else ()
    roles = (*ROLES, *beside)
    command = [sys.executable, "-m", "streams.supervisor", "--home", str(home), *roles]
    environment = {**os.environ, **later, "COPYSTAND_CACHE": str(paths.cache_folder())}
    with _log(home).open("ab") as sink:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=environment,
        )
    try:
        return _wait_until_ready(home, child, quiet)
    except KeyboardInterrupt:
        processes.stop(child, signal.SIGUSR1, supervisor.GRACE_SECONDS + 30)
        fail(Exit.FAILED, "interrupted; all processes were stopped")


def _wait_until_ready(
    home: Path, child: "subprocess.Popen[bytes] | None", quiet: bool
) -> dict[str, Any]:
    printed: set[str] = set()
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        state = read_state(home)
        pid = child.pid if child is not None else supervisor_pid(home)
        if state.get("pid") == pid and pid is not None:
            _print_started(state, printed, quiet)
            if state.get("updating"):
                deadline = time.monotonic() + START_LIMIT_SECONDS
            if state["phase"] == "ready":
                return state
            if state["phase"] == NO_SPACE and state["space"]:
                _fail_without_space(next(iter(state["space"].values())), begun=True)
        if (child is not None and child.poll() is not None) or pid is None:
            _start_failed(home, pid)
        time.sleep(0.05)
    fail(Exit.TIMEOUT, "the line did not become ready in time", f"See {_log(home)}")


def _start_failed(home: Path, pid: int | None) -> None:
    state = read_state(home)
    reason = state.get("error") if state.get("pid") == pid else ""
    fail(
        Exit.MISSING_PART,
        f"the line did not start: {reason or tail(_log(home))}",
        "Check the requirements: copystand doctor",
    )


def _print_started(state: dict[str, Any], printed: set[str], quiet: bool) -> None:
    if (update := state.get("updating")) and update not in printed:
        printed.add(update)
        if not quiet:
            out.print(f"  the database is updated: {update} (minutes, if it has many events)")
    for name, seconds in state["seconds"].items():
        if name not in printed:
            printed.add(name)
            if not quiet:
                out.print(f"  {name:<12} {seconds:6.2f} s")


def _drain(settings: Settings, deadline: float) -> None:
    from streams.monitoring.role_lag import groups_of

    with closing(groups_of(settings, OPERATOR)) as groups:
        while (left := _left(settings, groups)) > 0:
            if time.monotonic() > deadline:
                fail(
                    Exit.TIMEOUT,
                    f"still in flight: {left:,} pages and messages",
                    "The line is still running. Use a longer --timeout, or leave out --drain.",
                )
            time.sleep(0.5)


def _left(settings: Settings, groups: "ConsumerGroups") -> int:
    """The work in flight; exits with 3 when a server does not answer."""
    import psycopg
    from confluent_kafka import KafkaException

    from streams.monitoring.status import in_flight

    try:
        return in_flight(settings, groups)
    except (psycopg.Error, KafkaException, KeyError) as failed:
        fix = "The line is still running. Check it (copystand status), or leave out --drain."
        fail(Exit.MISSING_PART, f"the work in flight is unknown: {failed}", fix)


def _log(home: Path) -> Path:
    return home / "log" / "supervisor.log"
