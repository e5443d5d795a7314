"""Writes advice into the settings file of a home, beside what a person has set there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.files import write_atomic
from streams.settings_file import assignment_in, file_lines, settings_file
from streams.tuning.advice import Advice
from streams.tuning.grades import LINE, Grades

TUNED = "# tuned: "
"""Begins the comment above a line that this program may replace."""


@dataclass(frozen=True)
class TunedFile:
    """The lines of a settings file by their owners."""

    own: tuple[str, ...]
    """Those of persons, which stay."""
    tuned: dict[str, str]
    """Values that were written by an earlier run."""

    @property
    def own_names(self) -> frozenset[str]:
        """The variables that a person has set. Raises ValueError."""
        pairs = [assignment_in(line) for line in self.own]
        return frozenset(pair[0] for pair in pairs if pair is not None)


def read_tuned(home: Path) -> TunedFile:
    """The settings file of a home. Raises ValueError for a line that is not a setting."""
    own: list[str] = []
    tuned: dict[str, str] = {}
    is_tuned = False
    for line in file_lines(home):
        pair = assignment_in(line)
        if line.startswith(TUNED):
            is_tuned = True
        elif pair is not None and is_tuned:
            tuned[pair[0]], is_tuned = pair[1], False
        elif not LINE.match(line):
            own.append(line)
            is_tuned = False
    return TunedFile(tuple(own), tuned)


def write_tuned(home: Path, grades: Grades, given: Sequence[Advice]) -> None:
    """Replace the advice of an earlier run; what a person has set stays and precedes."""
    found = read_tuned(home)
    own = "\n".join(found.own).strip("\n")
    blocks = [own] if own else []
    blocks.append(grades.line())
    blocks += [
        f"{TUNED}{one.reason}\n{one.name}={one.value}"
        for one in given
        if one.name not in found.own_names
    ]
    home.mkdir(parents=True, exist_ok=True)
    write_atomic(settings_file(home), "\n\n".join(blocks) + "\n", mode=0o600)
