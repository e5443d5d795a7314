"""Commands for the line as a whole: up, down, doctor."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from infra import paths, processes
from infra.doctor import Row, check_parts
from infra.kafka import tail
from streams.console import Exit, emit, err, fail, json_option, out, table
from streams.settings import Settings
from streams.supervisor import supervisor
from streams.supervisor.state import read_state, supervisor_pid

START_LIMIT_SECONDS = supervisor.START_LIMIT_SECONDS + 30


@click.command()
@json_option
def up(as_json: bool) -> None:
    """Start Kafka, PostgreSQL and all roles in the home; returns when the line takes work."""
    began = time.monotonic()
    settings = Settings.load()
    home = _prepared(settings.home)
    if supervisor_pid(home) is None:
        missing = [row for row in check_parts() if not row.found and row.is_required]
        if missing:
            fail(Exit.MISSING_PART, f"{missing[0].part} is missing", missing[0].fix)
        _prepare_store(settings)
        state = _start(home, quiet=as_json)
    else:
        state = _wait_until_ready(home, None, quiet=as_json)
        err.print(f"The line of {home} runs already.", highlight=False)
    seconds = round(time.monotonic() - began, 1)
    document = {"home": str(home), "ports": state["ports"], "seconds": seconds}
    emit(document, as_json, lambda _: out.print(f"[green]ready[/] in {seconds} s, home {home}"))


@click.command()
@click.option("--drain", is_flag=True, help="First let everything in flight come to its end.")
@click.option("--now", is_flag=True, help="Give the roles 5 s instead of 30 s.")
@click.option("--timeout", type=float, default=3600.0, help="Seconds to wait for --drain.")
@json_option
def down(drain: bool, now: bool, timeout: float, as_json: bool) -> None:
    """End the line of the home, every process of it."""
    if drain and now:
        fail(Exit.USAGE, "--drain and --now exclude each other")
    began = time.monotonic()
    settings = Settings.load()
    home = settings.home.resolve()
    pid = supervisor_pid(home)
    if pid is None:
        err.print(f"Nothing runs in {home}.", highlight=False)
    else:
        if drain:
            _drain(settings, began + timeout)
        end_supervisor(home, pid, signal.SIGUSR1 if now else signal.SIGTERM)
    seconds = round(time.monotonic() - began, 1)
    document = {"home": str(home), "ports": read_state(home).get("ports", {}), "seconds": seconds}
    emit(document, as_json, lambda _: out.print(f"down in {seconds} s"))


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """What this machine needs for the line, what was found, and how to get the rest."""
    rows = [*check_parts(), _store(Settings.load())]
    emit([asdict(row) for row in rows], as_json, _render_doctor)
    if not all(row.found for row in rows):
        sys.exit(int(Exit.MISSING_PART))


def end_supervisor(home: Path, pid: int, how: signal.Signals) -> None:
    """Tell a supervisor to end, and wait until it and all its children are gone."""
    deadline = time.monotonic() + supervisor.GRACE_SECONDS + 60
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
    while processes.is_alive(pid):
        if time.monotonic() > deadline:
            fail(Exit.TIMEOUT, f"the supervisor {pid} does not end", f"See {_log(home)}")
        time.sleep(0.05)


def _prepared(home: Path) -> Path:
    try:
        return paths.prepare_home(home)
    except OSError as refused:
        fail(Exit.USAGE, f"{home} cannot be a home: {refused}", "Set COPYSTAND_HOME to another.")


def _prepare_store(settings: Settings) -> None:
    from streams.storage.factory import prepare_store

    prepare_store(settings)


def _store(settings: Settings) -> Row:
    """Where the objects are, and whether it answers."""
    needed = "local disk, or the bucket of COPYSTAND_STORE"
    if settings.s3 is None:
        return Row("store", True, settings.store, needed, "")
    # Late, since it loads packages: doctor must work where they are missing.
    from streams.storage.factory import StoreNotReachable, check_store

    try:
        check_store(settings)
    except StoreNotReachable as away:
        return Row("store", False, str(away), needed, away.fix)
    return Row("store", True, f"{settings.store} at {settings.s3.endpoint}", needed, "")


def _start(home: Path, quiet: bool) -> dict[str, Any]:
    from streams.topology import ROLES

    command = [sys.executable, "-m", "streams.supervisor.supervisor", "--home", str(home), *ROLES]
    environment = {**os.environ, "COPYSTAND_CACHE": str(paths.cache_folder())}
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
        fail(Exit.FAILED, "interrupted; nothing was left running")


def _wait_until_ready(
    home: Path, child: "subprocess.Popen[bytes] | None", quiet: bool
) -> dict[str, Any]:
    told: set[str] = set()
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        state = read_state(home)
        pid = child.pid if child is not None else supervisor_pid(home)
        if state.get("pid") == pid and pid is not None:
            _tell(state, told, quiet)
            if state["phase"] == "ready":
                return state
        if (child is not None and child.poll() is not None) or pid is None:
            _failed_to_start(home, pid)
        time.sleep(0.05)
    fail(Exit.TIMEOUT, "the line is not ready", f"See {_log(home)} and: copystand status")


def _failed_to_start(home: Path, pid: int | None) -> None:
    state = read_state(home)
    why = state.get("error") if state.get("pid") == pid else ""
    fail(
        Exit.MISSING_PART,
        f"the line did not start: {why or tail(_log(home))}",
        "What is missing on this machine: copystand doctor",
    )


def _tell(state: dict[str, Any], told: set[str], quiet: bool) -> None:
    for name, seconds in state["seconds"].items():
        if name not in told:
            told.add(name)
            if not quiet:
                out.print(f"  {name:<12} {seconds:6.2f} s", highlight=False)


def _drain(settings: Settings, deadline: float) -> None:
    from streams.monitoring.consumer_lag import ConsumerGroups
    from streams.monitoring.status import in_flight

    with closing(ConsumerGroups(settings.kafka)) as groups:
        while (left := in_flight(settings, groups)) > 0:
            if time.monotonic() > deadline:
                fail(Exit.TIMEOUT, f"{left} pages are still in flight; the line runs on")
            time.sleep(0.5)


def _log(home: Path) -> Path:
    return home / "log" / "supervisor.log"


def _render_doctor(rows: list[dict[str, Any]]) -> None:
    shown = [row | {"found": "yes" if row["found"] else "NO"} for row in rows]
    table(shown, ["part", "found", "version", "needed", "fix"])
