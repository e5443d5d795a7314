"""What the line is given under misfortunes: small pages with words on them, some damaged; from a seed."""

import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import pyvips

from processors.tools import staging_key
from tests.support import pages

WORDS = (
    *("paper", "margin", "binder", "reader", "leaf", "press", "house", "winter", "garden"),
    *("letter", "candle", "river", "window", "stone", "music", "harbour", "summer", "silver"),
)
DPI, WIDTH, HEIGHT = 150, 480, 180
ITEMS, PAGES = 6, 5
BATCH_PAGES = ITEMS * PAGES
RUSH_PAGES = 10
READ, PLAIN = "chaos-read", "chaos-plain"
PROFILES = {
    READ: """
extends = "as-delivered"
description = "Everything is made of small pages; for tests under misfortunes."
""",
    PLAIN: """
extends = "as-delivered"
description = "As chaos-read, but for the reading of text."
ocr = { enabled = false }
""",
}
READ_EVERY = 5
"""Each fifth batch is read by OCR: that takes most of the time."""
UNDECODABLE = "page.not-decodable"
FIXITY = "page.fixity-mismatch"
REFUSED = "file.size-mismatch"
MORE_PAGES = 2
REPLACES, SUPPLEMENTS = "replaces", "supplements"


@dataclass(frozen=True)
class Batch:
    """A delivery, and what must become of it."""

    batch_id: str
    folder: Path
    profile: str
    pages: int
    flipped: tuple[str, ...] = ()
    """SHA-256 of files of which a bit is turned round in staging."""
    truncated: tuple[str, ...] = ()
    """SHA-256 of files that are cut short in staging."""
    priority: str = "normal"
    faulty: dict[str, str] = field(default_factory=dict)
    """Page ids that must be quarantined, each with its code."""
    again: tuple[Path, ...] = ()
    """Files of an earlier version of its item that are in its package, too."""

    @property
    def refused(self) -> bool:
        """Whether pre-flight must refuse it."""
        return bool(self.truncated)

    @property
    def packaged(self) -> int:
        """How many pages must be in packages in the end."""
        held = {page_id.rpartition(":")[0] for page_id in self.faulty}
        return 0 if self.refused else self.pages - PAGES * len(held)


def make(folder: Path, seed: int, number: int, *, flips: bool = True) -> Batch:
    """The batch of this number; the same seed and number give the same bytes.

    Without flips no file of it is damaged in staging."""
    drawn = random.Random(f"{seed}/{number}")
    batch_id = f"chaos-{seed}-{number:03d}"
    place = folder / batch_id
    for item in range(ITEMS):
        for page in range(PAGES):
            words = drawn.choices(WORDS, k=4)
            _write(place / f"vol-{item}" / f"f{page + 1}.tif", f"{number}.{item}.{page}", words)
        record = pages.RECORD if item else pages.UNSTATED
        title = record.format(f"Volume {item} of {batch_id}")
        (place / f"vol-{item}" / "dc.xml").write_text(title)
    profile = READ if number % READ_EVERY == 0 else PLAIN
    faulty, flipped = {}, []
    spoilt, flipping = drawn.sample(range(ITEMS), 2)
    if number % 2 == 0:
        page = drawn.randrange(PAGES)
        pages.damage(place / f"vol-{spoilt}" / f"f{page + 1}.tif")
        faulty[f"{batch_id}.vol-{spoilt}:{page + 1:04d}"] = UNDECODABLE
    page = drawn.randrange(PAGES)
    if flips:
        flipped.append(digest_of(place / f"vol-{flipping}" / f"f{page + 1}.tif"))
        faulty[f"{batch_id}.vol-{flipping}:{page + 1:04d}"] = FIXITY
    return Batch(batch_id, place, profile, BATCH_PAGES, tuple(flipped), faulty=faulty)


def make_rush(folder: Path, seed: int, number: int) -> Batch:
    """A sound batch that is wanted before all others, and read by OCR."""
    batch_id = f"chaos-{seed}-rush-{number:03d}"
    drawn = random.Random(f"{seed}/rush/{number}")
    for page in range(RUSH_PAGES):
        path = folder / batch_id / "vol" / f"f{page + 1}.tif"
        _write(path, f"rush {number}.{page}", drawn.choices(WORDS, k=4))
    (path.parent / "dc.xml").write_text(pages.RECORD.format(batch_id))
    return Batch(batch_id, path.parents[1], READ, RUSH_PAGES, priority="rush")


def make_truncated(folder: Path, seed: int, number: int) -> Batch:
    """A batch of one page whose file is cut short on its way: it must be refused as a whole."""
    batch_id = f"chaos-{seed}-cut-{number:03d}"
    path = folder / batch_id / "vol" / "f1.tif"
    _write(path, f"cut {number}", random.Random(f"{seed}/cut/{number}").choices(WORDS, k=4))
    (path.parent / "dc.xml").write_text(pages.RECORD.format(batch_id))
    return Batch(batch_id, path.parents[1], PLAIN, 1, (), (digest_of(path),))


def intact_items(batch: Batch) -> list[str]:
    """The item ids of a batch of `make` of which nothing is quarantined."""
    held = {page_id.rpartition(":")[0] for page_id in batch.faulty}
    return [
        item_id
        for item_id in (f"{batch.batch_id}.vol-{item}" for item in range(ITEMS))
        if item_id not in held
    ]


def again_items(batch: Batch) -> list[str]:
    """The item that is replaced later, and the one to which pages are added."""
    return intact_items(batch)[:2]


def make_version(folder: Path, batch: Batch, relation: str) -> Batch:
    """A batch of one item that replaces, or adds pages to, another item of an earlier batch."""
    batch_id = f"{batch.batch_id}-{relation}"
    item_id = again_items(batch)[(REPLACES, SUPPLEMENTS).index(relation)]
    place, drawn = folder / batch_id / f"vol-{relation}", random.Random(batch_id)
    for page in range(MORE_PAGES):
        words = drawn.choices(WORDS, k=4)
        _write(place / f"f{page + 1}.tif", f"{relation} {batch.batch_id} {page}", words)
    (place / "dc.xml").write_text(pages.RECORD.format(batch_id))
    (place / "item.json").write_text(json.dumps({"item_id": item_id, relation: item_id}))
    earlier = batch.folder / item_id.rpartition(".")[2]
    again = tuple(sorted(earlier.glob("*.tif"))) if relation == SUPPLEMENTS else ()
    return Batch(batch_id, place.parent, PLAIN, MORE_PAGES + len(again), again=again)


def spoil(home: Path, batch: Batch) -> None:
    """Damage the files of a batch where they lie in staging, as bad disks do."""
    for digest in batch.flipped:
        path = home / staging_key(digest)
        # Not twice: a submission that is sent again finds its damage there.
        if digest_of(path) == digest:
            content = bytearray(path.read_bytes())
            content[len(content) // 3] ^= 0x10
            path.write_bytes(content)
    for digest in batch.truncated:
        path = home / staging_key(digest)
        if digest_of(path) == digest:
            content = bytearray(path.read_bytes())
            path.write_bytes(content[: len(content) * 2 // 3])


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, number: str, words: list[str]) -> None:
    """A grey TIFF with a few words on it."""
    text = f"Page {number}\n{' '.join(words[:2])}\n{' '.join(words[2:])}"
    ink = pyvips.Image.text(text, width=WIDTH - 60, dpi=DPI, font="DejaVu Serif 10")
    page = (255 - ink).cast("uchar")
    page = page.embed(30, 20, WIDTH, HEIGHT, extend="background", background=255)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.tiffsave(str(path), compression="lzw", xres=DPI / 25.4, yres=DPI / 25.4, strip=True)
