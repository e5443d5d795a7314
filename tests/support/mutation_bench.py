"""Applies mutations to an export one after the other, and judges what the verifier finds."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streams.transparency_log.verifier import Result
from tests.support.log_mutations import MUTATIONS
from tests.support.mutated_export import Export, Files


@dataclass
class Judged:
    """What the verifier gave for a mutation that it did not find exactly."""

    kind: str
    number: int
    expected: str
    found: str


class Bench:
    """A folder with an export that is changed, checked and restored many times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = (path for path in folder.rglob("*") if path.is_file())
        self.original = {one.relative_to(folder).as_posix(): one.read_bytes() for one in names}

    def put(self, files: Files) -> None:
        """Make the folder's files these."""
        for name in {*files, *self.original}:
            path = self.folder / name
            if name not in files:
                path.unlink(missing_ok=True)
            elif not path.is_file() or path.read_bytes() != files[name]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files[name])

    def restore(self, files: Files) -> None:
        """Undo `put`."""
        for name in files.keys() - self.original.keys():
            (self.folder / name).unlink()
        self.put(self.original)

    def judge(self, number: int, seed: int, check: Callable[[list[Path]], Result]) -> Judged | None:
        """One mutation, drawn from its number and the seed; None if it is found exactly."""
        kind = MUTATIONS[number % len(MUTATIONS)]
        log = Export(self.original, random.Random(f"{seed}-{number}"))
        wanted = kind(log)
        trusted = self.folder.with_name(f"{self.folder.name}-trusted")
        trusted.write_bytes(b"".join(one + b"\n" for one in wanted.trusted))
        self.put(log.files)
        found = check([trusted] if wanted.trusted else [])
        self.restore(log.files)
        expected = (False, wanted.first_bad, wanted.last_possible)
        if (found.ok, found.first_bad, found.last_possible) == expected:
            return None
        return Judged(kind.__name__, number, str(expected), str(found))
