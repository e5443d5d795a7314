"""What somebody does to the files of the store, each with the first event that names the file."""

from collections.abc import Callable
from pathlib import Path

from streams.verification.sealed_comparison import ACQUISITION
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.victim import Victim

BY = "who writes to the store"
AREAS = ("masters", "derivatives", "packages")
SHA256 = "sha256:"


def objects(victim: Victim, area: str, gone: bool = False) -> list[tuple[int, Path]]:
    """The files of an area that events name, each with the first event that is concerned.

    When a master is gone, what was staged is enough for the events before its acquisition."""
    found: dict[Path, int] = {}
    for record in victim.events:
        if gone and area == "masters" and record.event.fact != ACQUISITION:
            continue
        for result in record.event.results:
            digest = result.removeprefix(SHA256)
            path = victim.home / area / "sha256" / digest[:2] / digest
            if result.startswith(SHA256) and path.is_file():
                found.setdefault(path, record.seal.seq)
    return sorted((seq, path) for path, seq in found.items())


def _one(area: str, change: Callable[[Path], None]) -> Callable[[Victim], int]:
    def apply(victim: Victim) -> int:
        seq, path = victim.draw.choice(objects(victim, area, change is Path.unlink))
        change(path)
        return seq

    return apply


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    _write(path, bytes(content))


def _write(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _swapped(victim: Victim) -> int:
    (seq, one), (_, other) = objects(victim, "derivatives")[:2]
    first, second = one.read_bytes(), other.read_bytes()
    _write(one, second)
    _write(other, first)
    return seq


def _all_gone(victim: Victim) -> int:
    gone = [found for area in AREAS for found in objects(victim, area, True)]
    for _, path in gone:
        path.unlink()
    return min(seq for seq, _ in gone)


CHANGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a bit is flipped": ("edit", _flip),
    "the file is deleted": ("delete", Path.unlink),
    "the file is cut": ("truncate", lambda path: _write(path, path.read_bytes()[:-1])),
    "the file is empty": ("truncate", lambda path: _write(path, b"")),
    "the file is a folder": ("edit", _folder),
}
TAMPERINGS = [
    *(
        Tampering(f"{name} ({area})", operation, BY, "objects", _one(area, change))
        for area in AREAS
        for name, (operation, change) in CHANGES.items()
        if area == "masters" or operation in ("edit", "delete")
    ),
    Tampering("two files change places", "swap", BY, "objects", _swapped),
    Tampering("all files are deleted", "delete", BY, "objects", _all_gone),
]
