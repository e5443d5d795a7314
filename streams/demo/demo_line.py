"""The line as the demonstration drives it: through the commands that everyone has."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.files import write_atomic
from streams.console import Exit
from streams.settings import Settings

MARK = ".demo"
END_SECONDS = 120


class CommandFailed(Exception):
    """A command did not do what the demonstration needs."""

    def __init__(self, words: tuple[str, ...], code: int, said: str) -> None:
        super().__init__(f"copystand {' '.join(words)} ended with {code}. {said}".strip())
        self.code = code


class NotOurs(Exception):
    """The demonstration's home holds what no demonstration left there."""


@dataclass(frozen=True)
class DemoLine:
    """A line in a home of its own."""

    home: Path
    quiet: bool = False

    @property
    def settings(self) -> Settings:
        """The settings of this line."""
        return Settings.load(self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "COPYSTAND_HOME": str(self.home)}

    def run(self, *words: str, shown: bool = False, silent: bool = False) -> tuple[int, str]:
        """Exit code and stdout of a command; shown, it prints to ours instead; silent, it does not
        say on stderr what it does."""
        child = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else None,
            text=True,
            # Ctrl-C reaches us alone; we hand it on and wait, so that `up` can clear away.
            start_new_session=True,
        )
        try:
            said, _ = child.communicate()
        except BaseException:
            child.send_signal(signal.SIGINT)
            child.wait(END_SECONDS)
            raise
        return child.returncode, said or ""

    def ask(self, *words: str) -> Any:
        """The document that a command prints with --json. Raises CommandFailed."""
        code, said = self.run(*words, "--json")
        if code != Exit.DONE:
            raise CommandFailed(words, code, said)
        return json.loads(said)

    @contextmanager
    def up(self) -> Iterator[None]:
        """The running line; ended in any case. Raises CommandFailed when it does not start."""
        try:
            code, said = self.run("up", *(["--json"] if self.quiet else []), shown=not self.quiet)
            if code != Exit.DONE:
                raise CommandFailed(("up",), code, said)
            yield
        finally:
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.down()
            signal.signal(signal.SIGINT, before)

    def down(self) -> None:
        """End the line, if it runs. Raises CommandFailed when something is left."""
        code, said = self.run("down", "--now", silent=True)
        if code != Exit.DONE:
            raise CommandFailed(("down", "--now"), code, said)

    def clear(self) -> None:
        """End what still runs in the home and empty it. Raises NotOurs."""
        if self.home.exists() and any(self.home.iterdir()):
            if not (self.home / MARK).exists():
                raise NotOurs(f"{self.home} is not empty and no demonstration made it")
            self.down()
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        write_atomic(
            self.home / MARK, "Made by `copystand demo`, which empties it when it starts.\n"
        )
