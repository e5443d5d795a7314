"""The line of the demo, driven by the public commands."""

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
    """A command of the demo failed."""

    def __init__(self, words: tuple[str, ...], code: int, output: str) -> None:
        super().__init__(f"copystand {' '.join(words)} exited with {code}. {output}".strip())
        self.code = code


class ForeignHome(Exception):
    """The home of the demo contains files that no demo wrote."""


@dataclass(frozen=True)
class DemoLine:
    """A line in its own home."""

    home: Path
    quiet: bool = False

    @property
    def settings(self) -> Settings:
        """The settings of this line."""
        return Settings.load(self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "COPYSTAND_HOME": str(self.home)}

    def run(self, *words: str, shown: bool = False, silent: bool = False) -> tuple[int, str]:
        """Run a command; returns its exit code and stdout.

        `shown` prints stdout here instead; `silent` suppresses stderr."""
        child = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else None,
            text=True,
            # Ctrl-C reaches only this process, which forwards it and waits for `up` to clean up.
            start_new_session=True,
        )
        try:
            output, _ = child.communicate()
        except BaseException:
            child.send_signal(signal.SIGINT)
            child.wait(END_SECONDS)
            raise
        return child.returncode, output or ""

    def ask(self, *words: str) -> Any:
        """The document that a command prints with --json. Raises CommandFailed."""
        code, output = self.run(*words, "--json")
        if code != Exit.DONE:
            raise CommandFailed(words, code, output)
        return json.loads(output)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Start the line, and stop it at the end in any case. Raises CommandFailed."""
        try:
            code, output = self.run("up", *(["--json"] if self.quiet else []), shown=not self.quiet)
            if code != Exit.DONE:
                raise CommandFailed(("up",), code, output)
            yield
        finally:
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.down()
            signal.signal(signal.SIGINT, before)

    def down(self) -> None:
        """Stop the line if it is running. Raises CommandFailed."""
        code, output = self.run("down", "--now", silent=True)
        if code != Exit.DONE:
            raise CommandFailed(("down", "--now"), code, output)

    def clear(self) -> None:
        """Stop the line and empty its home. Raises ForeignHome, CommandFailed."""
        if self.home.exists() and any(self.home.iterdir()):
            if not (self.home / MARK).exists():
                raise ForeignHome(
                    f"{self.home} is not empty and was not created by `copystand demo`"
                )
            self.down()
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        write_atomic(
            self.home / MARK,
            "Created by `copystand demo`, which empties this folder when it starts.\n",
        )
