"""A whole line as its user has it: started, asked and ended by the command, in a home of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from infra.kafka_access import ADMIN, Brokers, login_file, read_login
from tests.support.forked_commands import forks

COMMAND = Path(sys.executable).with_name("copystand")
COMMAND_SECONDS = 240
STEP_DONE = ' step executed {"outcome": "done"'
"""Part of the log line of each step that a worker has finished."""
STATUS_SECONDS = 10
EVENTS_SECONDS = 60
LOOK_SECONDS = 0.3
PACKAGED = "SELECT item_id FROM line.items WHERE state = 'packaged' AND item_id = ANY(%s)"
LONGEST_PAUSE_SECONDS = 2.0
BATCH_FIGURES = "SELECT * FROM line.batch_status WHERE batch_id = %s"


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    code: int
    document: Any
    """Its JSON document; None where stdout held none."""
    stdout: str
    stderr: str


class Line:
    """One home and its line."""

    def __init__(
        self, home: Path, command: Sequence[str | Path] = (COMMAND,), **environment: str
    ) -> None:
        """A line that does not run yet; command starts the program, by default that of this checkout."""
        self.home = home
        self._command = [str(word) for word in command]
        # What the interpreter reads when it starts would have no effect on a forked process.
        at_start = any(name.startswith(("PYTHON", "LD_")) for name in environment)
        self._is_forked = self._command == [str(COMMAND)] and not at_start
        self._environment = {
            **os.environ,
            "COPYSTAND_HOME": str(home),
            "COPYSTAND_RETRY_SCALE": "0.05",
            **environment,
        }

    def run(self, *arguments: str | Path) -> Answer:
        """A command as a user types it."""
        if not self._is_forked:
            return self._run_program(*arguments)
        return _answer(forks().run([*map(str, arguments)], self._environment, COMMAND_SECONDS))

    def _run_program(self, *arguments: str | Path) -> Answer:
        return _answer(
            subprocess.run(
                [*self._command, *map(str, arguments)],
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        )

    def ask(self, *arguments: str | Path, code: int = 0) -> Any:
        """The JSON document of a command that must end with this code."""
        answer = self.run(*arguments, "--json")
        assert answer.code == code, f"{arguments}: {answer}\n{self.logs()}"
        assert answer.document is not None, f"{arguments}: no JSON on stdout: {answer}"
        return answer.document

    def background(
        self, *arguments: str | Path, stderr: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[str]":
        """A command that runs beside the test."""
        return subprocess.Popen(
            [*self._command, *map(str, arguments)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def up(self) -> None:
        """Start it; returns when it takes work."""
        answer = self._run_program("up", "--json")
        assert answer.code == 0, f"{answer}\n{self.logs()}"

    def down(self) -> None:
        """End it, with every process."""
        self._run_program("down", "--now")

    def ports(self) -> dict[str, int]:
        """Its ports."""
        found: dict[str, int] = json.loads((self.home / "run" / "ports.json").read_text())
        return found

    @property
    def kafka(self) -> Brokers:
        """The broker as its owner reaches it; a line of an older version has no access control."""
        return self.kafka_as(ADMIN)

    def kafka_as(self, user: str) -> Brokers:
        """The broker as one of its users reaches it."""
        file = login_file(self.home, user)
        return Brokers(self.servers(), read_login(file) if file.exists() else None)

    def servers(self) -> str:
        """Bootstrap servers."""
        return f"127.0.0.1:{self.ports()['kafka']}"

    def dsn(self, role: str = "postgres") -> str:
        """Connection string of a Postgres role; the superuser's by default."""
        name = "postgres.password" if role == "postgres" else f"postgres.{role}.password"
        password = (self.home / "run" / name).read_text().strip()
        return f"postgresql://{role}:{password}@127.0.0.1:{self.ports()['postgres']}/copystand"

    def parts(self) -> dict[str, dict[str, Any]]:
        """Pid, state and restarts of every part, as the supervisor wrote them last."""
        document = json.loads((self.home / "run" / "supervisor.json").read_text())
        found: dict[str, dict[str, Any]] = document["parts"]
        return found

    def kill(self, part: str) -> int:
        """kill -9 of a part of this line; gives the pid that was killed."""
        pid = int(self.parts()[part]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def figures(self, batch_id: str) -> dict[str, Any]:
        """The figures of a batch in `status`; empty while it or PostgreSQL is not known."""
        answer = self.run("status", "--json")
        known = answer.code == 0 or (answer.code == 3 and answer.document["database"])
        assert known, f"{answer}\n{self.logs()}"
        batches = answer.document["batches"]
        return next((row for row in batches if row["batch_id"] == batch_id), {})

    def wait_for_figures(self, *batch_ids: str, seconds: float, **figures: object) -> None:
        """Wait until `status` shows these figures of each batch.

        Until then the view that `status` shows is asked: a command for each look would take most
        of a core from the line."""
        last: dict[str, dict[str, Any]] = {}
        view = BatchView(self.dsn)

        def reached() -> bool:
            last.update({name: view.figures(name) for name in batch_ids})
            return all(figures.items() <= found.items() for found in last.values())

        def shown() -> bool:
            last.update({name: self.figures(name) for name in batch_ids})
            return all(figures.items() <= found.items() for found in last.values())

        with closing(view):
            wait_for(
                reached, seconds, lambda: f"{last} {self.parts()}\n{self.logs()}", LOOK_SECONDS
            )
        wait_for(shown, STATUS_SECONDS, lambda: f"status shows {last}\n{self.logs()}")

    def packaged(self, item_ids: Sequence[str]) -> set[str]:
        """Those of these items that are in their packages; none while PostgreSQL does not answer."""
        try:
            with psycopg.connect(self.dsn(), connect_timeout=3) as database:
                return {name for (name,) in database.execute(PACKAGED, [list(item_ids)])}
        except psycopg.Error:
            return set()

    def events(self, kind: str, name: str) -> list[dict[str, Any]]:
        """What `audit` answers about a page, an item or a batch; empty while no event is projected."""
        answer = self.run("audit", kind, name, "--json")
        assert answer.code in (0, 1), f"{answer}\n{self.logs()}"
        found: list[dict[str, Any]] = answer.document or []
        return found

    def wait_for_events(
        self, kind: str, name: str, fact: str = "PackagePublished", count: int = 1
    ) -> list[dict[str, Any]]:
        """What `audit` answers, once so many events of a fact are projected.

        An event is sealed after its causes. Figures of the tracker come before both."""
        found: list[dict[str, Any]] = []

        def projected() -> bool:
            found[:] = self.events(kind, name)
            return sum(event["fact"] == fact for event in found) >= count

        wait_for(projected, EVENTS_SECONDS, lambda: f"{found}\n{self.logs()}", LOOK_SECONDS)
        return found

    def wait_until_all_parts_are_ready(self, seconds: float = 60) -> None:
        """Wait until the supervisor says so."""
        states = {"": ""}

        def ready() -> bool:
            states.clear()
            states.update({name: part["state"] for name, part in self.parts().items()})
            return set(states.values()) == {"ready"}

        wait_for(ready, seconds, lambda: f"parts: {states}\n{self.logs()}")

    def logs(self, lines: int = 12) -> str:
        """The end of every log, for messages."""
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            for path in sorted((self.home / "log").glob("*.log"))
        )


class BatchView:
    """The view that `status` shows, over a connection that lasts as long as its server."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        """A view that is not connected yet."""
        self._dsn = dsn
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def figures(self, batch_id: str) -> dict[str, Any]:
        """The figures of a batch; empty while it is not known or PostgreSQL does not answer."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._dsn(), autocommit=True, connect_timeout=3, row_factory=dict_row
                )
            return self._connection.execute(BATCH_FIGURES, [batch_id]).fetchone() or {}
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()  # it was killed, or is starting
            return {}

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def wait_for(
    condition: Callable[[], bool],
    seconds: float,
    state: Callable[[], str],
    look_seconds: float = 0.1,
) -> None:
    """Look until a condition holds, or fail with the last state.

    A look that runs a command takes processor time from what it waits for, so the pause after it
    is at least as long as the look."""
    began = time.monotonic()
    deadline = began + seconds
    while not condition():
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"not within {seconds:g} s; {state()}")
        time.sleep(max(look_seconds, min(now - began, LONGEST_PAUSE_SECONDS)))
        began = time.monotonic()


def _answer(done: "subprocess.CompletedProcess[str]") -> Answer:
    return Answer(done.returncode, _document(done.stdout), done.stdout, done.stderr)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
