"""Judges what `audit verify` says about a line that was tampered with."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from streams.cli.main import cli
from tests.faults.tampering.kinds import Tampering
from tests.support.running_line import COMMAND

COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Verdict:
    """What became of one tampering."""

    tampering: Tampering
    expected: int
    found: int | None
    """The first bad index that was named; None if nothing was found."""
    part: str
    why: str
    roles: str = ""
    """What sealer and projector did, where that is judged."""
    roles_right: bool = True

    @property
    def detected(self) -> bool:
        """Whether it was found at all."""
        return self.found is not None

    @property
    def exact(self) -> bool:
        """Whether the first bad index is the right one."""
        return self.found == self.expected

    @property
    def right(self) -> bool:
        """Whether everything is as it must be."""
        return self.exact and self.roles_right

    def __str__(self) -> str:
        mark = "ok  " if self.right else "BAD "
        found = f"first bad {self.found}, expected {self.expected}: {self.part}: {self.why[:110]}"
        roles = f" | {self.roles}" if self.roles else ""
        return f"{mark}{self.tampering.by}: {self.tampering.name}: {found}{roles}"


def verify(home: Path, *options: str, program: bool = True) -> tuple[int, dict[str, Any]]:
    """Exit code and document of `audit verify`: the program, or the command in this process."""
    words = ["audit", "verify", "--json", *options]
    if program:
        code, text, message = _run(home, words)
    else:
        done = CliRunner().invoke(cli, words, env={"COPYSTAND_HOME": str(home)})
        if "Aborted!" in done.stderr:
            raise KeyboardInterrupt
        code, text, message = done.exit_code, done.stdout, f"{done.stderr} {done.exception}"
    try:
        document = json.loads(text)
    except ValueError:
        document = {}
    if "first_bad" not in document:
        document = {"first_bad": None, "why": f"exit code {code}: {message[-300:]}"}
    return code, document


def _run(home: Path, words: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(
        [COMMAND, *words],
        env={**os.environ, "COPYSTAND_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def judge(tampering: Tampering, expected: int, home: Path, *, program: bool) -> Verdict:
    """What `audit verify` finds in a home whose servers run."""
    options = ["--objects"] if tampering.part == "objects" else []
    code, document = verify(home, *options, program=program)
    found = document["first_bad"] if code == 1 else None
    faults = [one for one in document.get("faults", []) if one["seq"] == found]
    part = ", ".join(sorted({one["part"] for one in faults}))
    why = next((one["why"] for one in faults if one["part"] == tampering.part), document["why"])
    return Verdict(tampering, expected, found, part, str(why))
