"""The quick form: each input straight into the steps, in the worker's own pool of children."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from processors.outcome import Done, Outcome, Rejected, TryLater
from processors.pipeline import STEPS
from processors.rules.codes import is_error
from processors.tools import Area, Tools
from schemas.models import BatchReceived, FileRef, PageAcquired, Record
from streams.settings import Settings
from streams.storage.local import LocalStorage
from streams.worker.pool import Pool
from tests.hostile.case import PROCESSED, Hostile
from tests.support.builders import a_head
from tests.support.deliveries import MODS, a_listed, a_manifest, a_png, an_item, as_bytes
from tests.support.imaging_builders import an_admitted_page, as_next_input

BY_NAME = {step.name: step for step in STEPS}
READ_EVERY = 4
"""Of pages that are taken in, one of so many is also read: that takes longest."""
MASTER = a_png(1)
"""A sound page, for what comes with one."""


@dataclass(frozen=True)
class Answer:
    """What came of one input."""

    codes: frozenset[str]
    """`processed`, codes of refusals, or `fault: ...` where a step did not answer at all."""
    seconds: float

    def fits(self, case: Hostile) -> bool:
        """Whether at least one of its codes is among the fitting, and nothing failed."""
        sound = not any(code.startswith("fault") for code in self.codes)
        return sound and bool(self.codes & case.fitting)


class Quick:
    """Two children that do steps on hostile inputs, as a worker's do."""

    def __init__(self, home: Path, standards: Path | None = None) -> None:
        """Starts the children."""
        self._pool = Pool(Settings.load({"COPYSTAND_HOME": str(home), "WORK_POOL_SIZE": "2"}))
        # Children die with the thread that started them, so that it lives as long as they shall.
        self._threads = ThreadPoolExecutor(2)
        (home / "scratch").mkdir(parents=True, exist_ok=True)
        self._tools = Tools(LocalStorage(home), home / "scratch", standards=standards)

    def close(self) -> None:
        """End the children."""
        self._pool.close(patient=False)
        self._threads.shutdown()

    def answers(self, cases: Iterable[Hostile]) -> Iterator[tuple[Hostile, Answer]]:
        """What comes of each, two at a time, in their order."""
        listed = list(cases)
        yield from zip(listed, self._threads.map(self._answer, listed), strict=True)

    def _answer(self, case: Hostile) -> Answer:
        begin = time.monotonic()
        try:
            codes = frozenset(self._way(case)(case))
        except Exception as surprise:  # whatever a step lets through is a fault of the step
            codes = frozenset({f"fault: {type(surprise).__name__}: {surprise}"[:300]})
        return Answer(codes, time.monotonic() - begin)

    def _way(self, case: Hostile) -> Callable[[Hostile], set[str]]:
        if case.kind.startswith("manifest"):
            return self._manifest
        if case.file.endswith(".xml"):
            return self._text if case.file == "alto.xml" else self._record
        return self._page

    def _page(self, case: Hostile) -> set[str]:
        page = an_admitted_page(self._tools, case.content, name=case.file)
        return self._rest(self._run("acquire_page", page))

    def _rest(self, outcome: Outcome) -> set[str]:
        if not isinstance(outcome, Done):
            return codes_of(outcome)
        (acquired,) = outcome.facts
        assert isinstance(acquired, PageAcquired)
        ended: set[str] = set()
        page = as_next_input(acquired)
        provided = any(file.use == "provided-text" for file in page.files)
        read = provided or int(page.files[0].sha256, 16) % READ_EVERY == 0
        for name in ("derive_page", "describe_page", *(("recognize_page",) if read else ())):
            ended |= codes_of(self._run(name, page))
        return ended

    def _text(self, case: Hostile) -> set[str]:
        item = an_item(pages=1)
        item["pages"][0]["text"] = a_listed("vol-1/0001.xml", case.content)
        told = self._delivered(case, as_bytes(a_manifest(item, file_count=3)))
        if told != {PROCESSED}:
            return told
        text = self._kept(case.content, "provided-text", "application/xml")
        page = an_admitted_page(self._tools, MASTER, name="0001.png")
        page = page.model_copy(update={"files": (*page.files, text)})
        return self._rest(self._run("acquire_page", page))

    def _record(self, case: Hostile) -> set[str]:
        schema = {"mods": "MODS", "mets": "METS", "dc": "DublinCore"}[case.file.split(".")[0]]
        item = an_item(pages=1)
        item["metadata"][0] |= {"schema": schema, "file": a_listed("vol-1/r.xml", case.content)}
        return self._delivered(case, as_bytes(a_manifest(item, metadata_schema=schema)))

    def _manifest(self, case: Hostile) -> set[str]:
        return self._delivered(case, case.content)

    def _delivered(self, case: Hostile, manifest: bytes) -> set[str]:
        """What pre-flight says of a manifest whose files have arrived."""
        for content in (*(a_png(number) for number in (1, 2, 3)), MODS, case.content):
            self._kept(content, "capture", "application/octet-stream")
        received = self._kept(manifest, "manifest", "application/json")
        head = a_head(batch_id="b-1", item_id=None, page_id=None)
        batch = BatchReceived(head=head, manifest_sha256=_stated(manifest), files=(received,))
        return codes_of(self._run("validate_batch", batch))

    def _kept(self, content: bytes, use: str, media_type: str) -> FileRef:
        return self._tools.storage.keep(content, area=Area.STAGING, use=use, media_type=media_type)

    def _run(self, step: str, fact: Record) -> Outcome:
        return self._pool.run(BY_NAME[step], fact)


def _stated(manifest: bytes) -> str:
    try:
        return str(json.loads(manifest)["checksums"]["manifest_sha256"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return sha256(manifest).hexdigest()


def codes_of(outcome: Outcome) -> set[str]:
    """The codes in an outcome: of a refusal its own and those of its faults."""
    if isinstance(outcome, Rejected):
        return {outcome.code, *(one.code for one in outcome.diagnostics if is_error(one))}
    if isinstance(outcome, TryLater):
        return {f"fault: {outcome.error_class}: {outcome.why}"[:300]}
    return {PROCESSED}


def told(rows: Iterable[tuple[Hostile, Answer]]) -> str:
    """Rows for people: what did not fit, or took long."""
    return "\n".join(
        f"{case.kind}: {case.name}: {sorted(answer.codes)} in {answer.seconds:.1f} s"
        for case, answer in rows
    )
