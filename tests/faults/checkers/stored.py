"""What lies in the store, held against what the facts say: files, receipts, packages, debris."""

import base64
import hashlib
import json
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import bagit

from tests.faults.checkers.finding import Finding
from tests.faults.checkers.told import Body, Told
from tests.support.invariants import ENDS, Item

CHECKER = "stand-alone"
NOT_CONTENT = "data/metadata/premis.xml"
DEBRIS_SECONDS = 24 * 3600
STORE = ("staging", "masters", "derivatives", "packages", "receipts")


def check(
    told: Told, clean: Mapping[str, str], spoiled: Collection[str], began: float | None
) -> Iterator[Finding]:
    """Every finding about the store."""
    yield from _files(told, set(spoiled))
    yield from _receipts(told)
    for topics in told.batches.values():
        for item in topics.items:
            yield from _record(told, item)
            yield from _packages(told, item, clean)
    yield from _debris(told.home, began or time.time() - DEBRIS_SECONDS)


def digest(content: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def _found(rule: str, where: object, found: object) -> Finding:
    return Finding(CHECKER, rule, str(where), str(found)[:500])


def _files(told: Told, spoiled: set[str]) -> Iterator[Finding]:
    """Each file that a fact names lies in the store with its size and digest."""

    @cache
    def seen(key: str) -> tuple[str, int] | None:
        path = told.home / key
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size

    for fact in told.facts.values():
        for file in fact.body["files"]:
            where = f"{fact.record} {fact.event_id} {file['use']}"
            stands = seen(file["key"])
            if stands is None:
                yield _found("file.missing", where, file["key"])
            elif stands != (file["sha256"], file["size_bytes"]) and file["key"] not in spoiled:
                yield _found("file.altered", where, f"{stands}, not {file}")


def _receipts(told: Told) -> Iterator[Finding]:
    """A step's fact stands in a receipt with the very bytes; what stands in one was told."""
    kept: set[tuple[str, bytes]] = set()
    published = {(raw.topic, raw.value) for raw in told.raws}
    paths = sorted((told.home / "receipts").glob("*/??/*"))
    names = {path.name for path in paths}
    for path in paths:
        content = path.read_bytes()
        body, own = content[:-65], content[-65:-1].decode("ascii", "replace")
        if digest(body) != own:
            yield _found("receipt.damaged", path.name, "does not end with its own digest")
            continue
        told_so = json.loads(body)["messages"]
        rows = [(topic, base64.b64decode(value)) for topic, _, value in told_so]
        kept.update(rows)
        # A worker that woke too late puts off what another has done: that one's word is told.
        work_id, _, attempt = path.name.partition(".")
        untold = [topic for topic, value in rows if (topic, value) not in published]
        if untold and not (attempt and work_id in names):
            yield _found("receipt.untold", path.name, untold)
    for fact in told.facts.values():
        tracker = fact.body["head"]["producer"]["name"] == "copystand/tracker"
        if not tracker and (fact.raw.topic, fact.raw.value) not in kept:
            yield _found("receipt.none", fact.event_id, f"{fact.record} has no receipt")


def _packages(told: Told, item: Item, clean: Mapping[str, str]) -> Iterator[Finding]:
    for package in item.packages:
        path = told.home / package["key"]
        if not path.is_file():
            continue  # told by its FileRef
        name = package["package_id"]
        with tempfile.TemporaryDirectory(prefix="bag-") as folder:
            try:
                with tarfile.open(path, "r:") as archive:
                    archive.extractall(folder, filter="data")
                yield from _bag(package, item, Path(folder) / name)
            except (OSError, tarfile.TarError, bagit.BagError, UnicodeDecodeError) as wrong:
                yield _found("package.invalid", name, f"{type(wrong).__name__}: {wrong}")
        wanted = clean.get(name)
        if wanted is not None and wanted != package["content_digest"]:
            yield _found("package.other", name, f"{package['content_digest']}, clean {wanted}")


def _bag(package: Body, item: Item, folder: Path) -> Iterator[Finding]:
    """A valid bag, of the content that its fact tells, with each page of its item once."""
    name = package["package_id"]
    bagit.Bag(str(folder)).validate()
    digests = {
        path.relative_to(folder).as_posix(): digest(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
    payload = sorted((path for path in digests if path.startswith("data/")), key=str.encode)
    lines = [f"{path}\0{digests[path]}\n" for path in payload if path != NOT_CONTENT]
    content = digest("".join(lines).encode())
    if content != package["content_digest"]:
        yield _found("package.content", name, f"{content}, told {package['content_digest']}")
    masters = {
        Path(path).stem.removeprefix(f"{item.item_id}_"): found
        for path, found in digests.items()
        if path.startswith("data/master/")
    }
    if len(payload) != package["counts"]["files"]:
        yield _found("package.counts", name, f"{len(payload)} files, told {package['counts']}")
    yield from _pages(name, item, masters)
    info = (folder / "bag-info.txt").read_text("utf-8")
    if item.withdrawn and "Completeness: incomplete" not in info:
        yield _found("package.completeness", name, f"without {item.withdrawn}, and not marked")


def _pages(name: str, item: Item, masters: Mapping[str, str]) -> Iterator[Finding]:
    """Each page that has a file is in the package, with the bytes that were taken for it last."""
    if item.entries is None:
        yield _found("file.missing", name, "the page list of its item")
        return
    masters = _by_page(item, masters)
    wanted = {page.rpartition(":")[2] for page in item.with_file()}
    if wanted != set(masters):
        odd = sorted(wanted ^ set(masters))
        yield _found("package.pages", name, f"{odd[:5]} not once in it")
    for body in item.about("PageAdmitted"):
        head, page = body["head"], body["head"]["page_id"]
        ref = page.rpartition(":")[2]
        if head["revision"] != item.revision_of(page) or ref not in masters:
            continue
        delivered = [file["sha256"] for file in body["files"] if file["use"] == "capture"]
        if masters[ref] not in delivered:
            yield _found("package.master", f"{name} {ref}", f"{masters[ref]}, not {delivered}")


def _by_page(item: Item, masters: Mapping[str, str]) -> dict[str, str]:
    """The masters by ref. Pages that are images of one file share it: its name is its digest."""
    found = {name: one for name, one in masters.items() if not name.startswith("_")}
    for body in item.about("PageAcquired"):
        head, (master, *_) = body["head"], body["files"]
        shared = masters.get(f"_{master['sha256'][:16]}")
        if body.get("image") and shared and head["revision"] == item.revision_of(head["page_id"]):
            found[head["page_id"].rpartition(":")[2]] = shared
    return found


def _record(told: Told, item: Item) -> Iterator[Finding]:
    """The record of a completed item holds, for each page with a file, every required fact."""
    for body in item.about("ItemCompleted"):
        kept = [file["key"] for file in body["files"] if file["use"] == "item-record"]
        if not kept or not (told.home / kept[0]).is_file():
            continue  # told by its FileRef
        facts = json.loads((told.home / kept[0]).read_bytes())["facts"]
        held = {(one["record"], one["fact"]["head"]["page_id"]) for one in facts}
        held_at = {one["fact"]["head"]["page_id"]: one["fact"]["head"]["revision"] for one in facts}
        for page in sorted(item.with_file()):
            short = [
                name for name in map(ENDS.__getitem__, item.required) if (name, page) not in held
            ]
            if short or held_at.get(page) != item.revision_of(page):
                yield _found("item.record", page, f"lacks {short}, revision {held_at.get(page)}")


def _debris(home: Path, before: float) -> Iterator[Finding]:
    """No half-written file of a time before the run lies about."""
    for area in STORE:
        for path in sorted((home / area / ".partial").glob("*")):
            if path.stat().st_mtime < before:
                yield _found("debris", path.relative_to(home), f"{path.stat().st_size} bytes")
