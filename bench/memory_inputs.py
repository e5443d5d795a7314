"""What each step takes, made without a broker: folders of page images, handed over as a station
does and taken through the steps before it."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pyvips

from bench.common import CHECKOUT
from infra.standards import standards_folder
from processors.outcome import Done
from processors.pipeline import STEPS, Step
from processors.tools import Area, Storage, Tools
from schemas.codec import decode
from schemas.models import BatchReceived, FileRef, Head, ItemCompleted, PageAdmitted, Record
from streams.clients.station.folder import SubmissionOptions
from streams.clients.station.submission import submit
from streams.demo.printing import GARAMOND, Sheet, printed
from streams.demo.texts import ENGLISH, page_of
from streams.execution.facts import FactBuilder, Work
from streams.kafka.messages import Incoming
from streams.provision import make_sender_keys
from streams.settings import Settings
from streams.storage.factory import open_storage

BATCHES = (1, 3, 5, 7, 9)
"""Pages of each batch, which has one item. Their number and the sum of 25 divide 50: every sample
is taken after the same page, so that a large one shows in all samples or in none."""
SMALL = ((2.0, 2.4, 200), (2.4, 3.0, 200), (2.2, 2.6, 300))
ANY = (
    *SMALL,
    (3.2, 4.4, 200),
    (4.3, 6.2, 300),
    (3.0, 4.0, 300),
    (5.83, 8.27, 150),
    (8.27, 11.7, 200),
)
"""Width and height in inches, and resolution."""
FORMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("colour", ".tif", {"compression": "none"}),
    ("grey", ".tif", {"compression": "lzw", "predictor": "horizontal"}),
    ("colour", ".jpg", {"Q": 85}),
    ("bitonal", ".tif", {"compression": "ccittfax4", "bitdepth": 1}),
    ("grey", ".png", {}),
    ("colour", ".tif", {"compression": "deflate", "tile": True}),
    ("sixteen", ".tif", {"compression": "none"}),
)
REAL = ("kant-1784/data/OCR-D-IMG", "gallicorpora-18e", "tesseract")
REAL_OF_EACH = 3
DENSITY, MARGIN_INCHES = 28, 0.3
"""Letters a square inch, such that every text fits."""
MODS = """<mods xmlns="http://www.loc.gov/mods/v3" version="3.8">
<titleInfo><title>A book of {pages} pages</title></titleInfo>
<language><languageTerm type="code" authority="iso639-2b">eng</languageTerm></language>
</mods>
"""
BRANCHES = ("derive_page", "recognize_page", "describe_page")


@dataclass(frozen=True)
class Line:
    """Enough of a line to make facts: a store, tools, and who stamps them."""

    storage: Storage
    tools: Tools
    teller: FactBuilder

    def facts(self, name: str, fact: Record) -> list[Record]:
        """What a step makes of a fact. Ends the measurement when the step refuses it."""
        step = next(one for one in STEPS if one.name == name and isinstance(fact, one.takes))
        outcome = step.function(fact, self.tools)
        if not isinstance(outcome, Done):
            raise SystemExit(f"{name} refuses what it was given: {outcome}")
        return self.teller.facts(Work(step, fact, _message(step)), outcome)


def inputs(step: Step, settings: Settings, folder: Path, small: bool) -> list[Record]:
    """Facts that a step takes, one for each of 25 pages or 5 batches."""
    storage = open_storage(settings)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    tools = Tools(storage, scratch, standards=standards_folder())
    line = Line(storage, tools, FactBuilder(storage, settings.version))
    made: list[Record] = []
    for place, batch in enumerate(make_batches(folder, small)):
        made += _taken_by(step, line, _received(line, settings, batch, f"bench-{place}"))
    return made


def _taken_by(step: Step, line: Line, received: Record) -> Iterator[Record]:
    if step.takes is BatchReceived:
        yield received
        return
    batch, *items = line.facts("validate_batch", received)
    for item in items:
        pages = list(_admitted(line, item))
        if step.takes is PageAdmitted:
            yield from pages
            continue
        acquired = [line.facts("acquire_page", page)[0] for page in pages]
        if step.takes is type(acquired[0]):
            yield from acquired
        elif step.takes is ItemCompleted:
            yield _completed(line, batch, item, pages, acquired)
        else:
            yield from (line.facts("recognize_page", page)[0] for page in acquired)


def _received(line: Line, settings: Settings, folder: Path, batch_id: str) -> Record:
    """The batch, handed over as a station does, and taken in by the router's step."""
    published: list[bytes] = []
    make_sender_keys(settings.home)
    submission = submit(
        folder,
        SubmissionOptions(batch_id),
        settings,
        publish=lambda _, __, value: published.append(value),
    )
    if not published:
        raise SystemExit(f"{folder} is refused: {submission.diagnostics}")
    return line.facts("router", decode(published[0]))[0]


def _admitted(line: Line, item: Any) -> Iterator[PageAdmitted]:
    """Every page of an item, as the tracker admits it."""
    listed, profile = item.files
    for entry in json.loads(line.storage.read(listed))["pages"]:
        file, names = entry["file"], ("key", "sha256", "size_bytes", "media_type")
        capture = FileRef(use="capture", **{name: file[name] for name in names})
        page_id = f"{item.head.item_id}:{entry['ref']}"
        yield PageAdmitted(
            head=item.head.model_copy(update={"page_id": page_id}),
            original_name=file["path"],
            required_branches=tuple(item.required_branches),
            priority="normal",
            files=(capture, profile),
            **{name: entry[name] for name in ("ref", "sequence", "kind", "layout", "script")},
            labels=tuple(entry["labels"] or ()),
            languages=tuple(entry["languages"] or ()),
        )


def _completed(
    line: Line, batch: Record, item: Any, pages: list[PageAdmitted], acquired: list[Record]
) -> ItemCompleted:
    """The item with all its branches done, as the tracker completes it."""
    listed, profile = item.files
    made = [line.facts(name, page)[0] for page in acquired for name in BRANCHES]
    record = {
        "item_id": item.head.item_id,
        "batch_id": item.head.batch_id,
        "revision": 1,
        "page_list": listed.model_dump(),
        "profile": profile.model_dump(),
        "facts": [
            {"record": type(fact).__name__, "fact": fact.model_dump(mode="json")}
            for fact in (batch, item, *pages, *acquired, *made)
        ],
        "captures": [],
        "releases": [],
        "withdrawn": [],
    }
    kept = line.storage.keep(
        json.dumps(record).encode(),
        area=Area.RECORDS,
        use="item-record",
        media_type="application/json",
    )
    files = (kept, listed, profile)
    return ItemCompleted(head=item.head, page_count=len(pages), priority="normal", files=files)


def make_batches(folder: Path, small: bool) -> list[Path]:
    """Folders of page images of many sizes and forms, some of them real where there are any."""
    real = iter(() if small else _real())
    numbers, made = count(), []
    for pages in BATCHES:
        item = folder / f"delivery-{pages}" / f"vol-{pages}"
        item.mkdir(parents=True)
        (item / "mods.xml").write_text(MODS.format(pages=pages), "utf-8")
        for page in range(pages):
            source = next(real, None) if page % 2 else None
            if source is None:
                _print(item / f"f{page + 1}", next(numbers), SMALL if small else ANY)
            else:
                shutil.copyfile(source, item / f"f{page + 1}{source.suffix}")
        made.append(item.parent)
    return made


def _print(stem: Path, number: int, sizes: tuple[tuple[float, float, int], ...]) -> None:
    width, height, dpi = sizes[number % len(sizes)]
    kind, suffix, how = FORMS[number % len(FORMS)]
    letters = int(DENSITY * (width - 2 * MARGIN_INCHES) * (height - 2 * MARGIN_INCHES))
    text = page_of(ENGLISH, max(60, letters), random.Random(number))
    sheet = Sheet(dpi, number, 0.2, kind != "colour", width, height, MARGIN_INCHES)
    image = printed(text, GARAMOND, sheet)
    if kind == "bitonal":
        image = (image > 128).ifthenelse(255, 0).cast("uchar")
    elif kind == "sixteen":
        image = image.cast("ushort") * 257
        image = image.cast("ushort").copy(interpretation="grey16")
    image.copy(xres=dpi / 25.4, yres=dpi / 25.4).write_to_file(f"{stem}{suffix}", **how)


def _real() -> Iterator[Path]:
    """Pages that were really printed, where the corpora are."""
    root = Path(os.environ.get("COPYSTAND_CORPORA", CHECKOUT.parent / "shared" / "corpora"))
    for name in REAL:
        found = sorted(path for path in (root / name).rglob("*") if _is_page(path))
        yield from found[:REAL_OF_EACH]


def _is_page(path: Path) -> bool:
    if path.suffix.lower() not in {".tif", ".jpeg", ".jpg"}:
        return False
    return bool(pyvips.Image.new_from_file(str(path)).width > 100)


def _message(step: Step) -> Incoming:
    return Incoming(step.topic, 0, 0, None, b"", {})


def numbered(fact: Record, number: int) -> Record:
    """The fact about another page, so that nothing kept by id is met twice."""
    head: Head = fact.head  # type: ignore[attr-defined]
    event_id = f"{number:08d}{head.event_id[8:]}"
    changes: dict[str, Any] = {"event_id": event_id}
    if head.page_id:
        changes["page_id"] = f"{head.page_id}.{number}"
    return fact.model_copy(update={"head": head.model_copy(update=changes)})
