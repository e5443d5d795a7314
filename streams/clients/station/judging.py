"""Decodes the pages of a delivery and checks them against its profile, as the line will do."""

import ctypes
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from tempfile import gettempdir

from pebble import ProcessExpired, ProcessPool

from processors.error_catalogue import COMMANDS, fix_of
from processors.master_finding import Finding
from processors.outcome import TransientError
from processors.pipeline import STEPS
from processors.profile import Profile
from processors.rules.codes import diagnostic, finding
from processors.wording import counted
from schemas.models import Diagnostic
from streams.clients.station.folder import Delivery
from streams.clients.station.scan import DeliveredFile, Progress
from streams.settings import MEGABYTE

PR_SET_PDEATHSIG = 1
ACQUIRE = next(step for step in STEPS if step.name == "acquire_page")
EXCLUDE = (
    "Replace the file before you submit the folder. "
    'If it is not a page, add "exclude": ["{name}"] to item.json; after a submission: '
    f"{COMMANDS['not_a_page']}."
)
"""What to do about a page that would be quarantined, while it is still in its folder."""


Result = tuple[Finding, ...] | Diagnostic
"""The findings of a page, or why it could not be judged."""


@dataclass(frozen=True)
class PageFile:
    """The file of a page, and the number of its item."""

    item: int
    file: DeliveredFile
    image: int | None = None
    """The number of its image, if the file has several."""

    @property
    def where(self) -> str:
        """The name of the file, and the image."""
        return f"{self.file.name}, image {self.image}" if self.image else self.file.name


def judge_pages(
    delivery: Delivery, profile: Profile, processes: int, child_bytes: int, progress: Progress
) -> list[Diagnostic]:
    """What the line will find in the files of the pages: an error for each page that it will
    quarantine, and one warning per item and code."""
    pages = list(_pages_of(delivery))
    if not pages:
        return []
    found: dict[int, Result] = {}
    total, done = sum(page.file.size_bytes for page in pages), 0
    with ProcessPool(
        max_workers=min(processes, len(pages)),
        initializer=_start,
        initargs=(child_bytes, os.getpid()),
        context=get_context("spawn"),
    ) as pool:
        futures = {_scheduled(pool, one, profile): n for n, one in enumerate(pages)}
        try:
            for future in as_completed(futures):
                page = pages[futures[future]]
                found[futures[future]] = _result(page, future)
                done += page.file.size_bytes
                progress("decoding", done, total)
        except BaseException:
            pool.stop()
            raise
    return list(_diagnostics(pages, [found[n] for n in range(len(pages))]))


def _pages_of(delivery: Delivery) -> Iterator[PageFile]:
    files = {one.name: one.content for one in delivery.files}
    for number, item in enumerate(delivery.manifest.get("items", ())):
        for page in item["pages"]:
            content = files.get(page["file"]["path"]) if page["file"] else None
            if isinstance(content, DeliveredFile):
                yield PageFile(number, content, _number(page.get("image")))


def _number(value: object) -> int | None:
    """The number of an image; pre-flight reports other values."""
    return value if isinstance(value, int) and value > 0 else None


def _start(child_bytes: int, parent: int) -> None:
    """Runs once in each child: one thread, limited memory, and no orphans. Windows has no such
    limits; there a child ends with its pool."""
    os.environ.update({"VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if find_spec("resource") is None:
        return
    import resource

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_DATA, (child_bytes, child_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _judge(path: Path, name: str, profile: Profile, image: int | None) -> tuple[Finding, ...]:
    # Imported in the child, where the settings of libvips are in place.
    from processors.acquire_page import OneImage, judge

    one = OneImage(image, Path(gettempdir()))
    return judge(path, name, profile, lambda _: None, one).findings


def _scheduled(
    pool: ProcessPool, page: PageFile, profile: Profile
) -> "Future[tuple[Finding, ...]]":
    megabytes = page.file.size_bytes / MEGABYTE
    limit = ACQUIRE.timeout_seconds + megabytes * ACQUIRE.seconds_per_megabyte
    scheduled: Future[tuple[Finding, ...]] = pool.schedule(
        _judge, args=(page.file.path, page.file.name, profile, page.image), timeout=limit
    )
    return scheduled


def _result(page: PageFile, future: "Future[tuple[Finding, ...]]") -> Result:
    try:
        return future.result()
    except OSError as failed:
        return finding("file.unreadable", page.where, failed.strerror or failed)
    except (OutOfTime, ProcessExpired, MemoryError, TransientError) as failed:
        return finding("page.not-checked", page.where, f"{type(failed).__name__}: {failed}")


def _diagnostics(pages: list[PageFile], results: list[Result]) -> Iterator[Diagnostic]:
    """The refusals and failures in the order of the pages, then the warnings."""
    warned: dict[tuple[int, str], list[tuple[PageFile, Finding]]] = defaultdict(list)
    for page, result in zip(pages, results, strict=True):
        if isinstance(result, Diagnostic):
            yield result
            continue
        refused = [one for one in result if one.refused]
        for one in refused[:1]:
            fix = EXCLUDE.format(name=page.file.base_name)
            yield diagnostic(one.code, "error", page.where, one.found, fix)
        for one in () if refused else result:
            warned[page.item, one.code].append((page, one))
    for of_code in warned.values():
        page, one = of_code[0]
        more = f"; and {counted(len(of_code) - 1, 'more page')}" if len(of_code) > 1 else ""
        fix = fix_of(one.code, **one.fills)
        yield diagnostic(one.code, "warn", page.where, one.found + more, fix)
