"""The audit answer that one sound page must get, written out whole."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.log_check import make_id

VERSION = version("copystand")


STEP_VERSIONS = {
    "router": 2,
    "validate_batch": 6,
    "acquire_page": 5,
    "derive_page": 3,
    "describe_page": 3,
    "recognize_page": 5,
    "assemble_package": 6,
}
"""Versions of the steps whose answers changed since the first version."""


Agent = tuple[str, str, str | None]


@dataclass(frozen=True)
class Tools:
    """Versions of the programs that worked."""

    vips: str
    tesserocr: str
    tesseract: str
    """The version that tesserocr contains."""
    eng_sha256: str
    """Digest of the recognition model."""
    exiftool: str
    langid: str
    model_sha256: str


@dataclass(frozen=True)
class Chain:
    """Ids of the facts on the way of a page, each made from its cause (docs/contract.md §1)."""

    batch_id: str
    item_id: str
    page_id: str
    manifest_digest: str
    item_number: int
    """Place of the item in the manifest, from 0."""

    @property
    def submitted(self) -> str:
        """The station's submission."""
        return make_id(self.batch_id, self.manifest_digest)

    @property
    def received(self) -> str:
        """The router's fact."""
        return step_fact(self.submitted, "router", "BatchReceived")

    @property
    def accepted(self) -> str:
        """Pre-flight's fact about the batch."""
        return step_fact(self.received, "validate_batch", "BatchAccepted")

    @property
    def registered(self) -> str:
        """Pre-flight's fact about the item."""
        return step_fact(self.received, "validate_batch", "ItemRegistered", self.item_number)

    @property
    def admitted(self) -> str:
        """The tracker's admission."""
        return make_id(self.page_id, 1, "PageAdmitted")

    @property
    def acquired(self) -> str:
        """The master is stored."""
        return step_fact(self.admitted, "acquire_page", "PageAcquired")

    @property
    def recognized(self) -> str:
        """The text is read."""
        return step_fact(self.acquired, "recognize_page", "PageRecognized")

    @property
    def derived(self) -> str:
        """The reading images are made."""
        return step_fact(self.acquired, "derive_page", "PageDerived")

    @property
    def described(self) -> str:
        """The embedded metadata are drawn."""
        return step_fact(self.acquired, "describe_page", "PageDescribed")

    @property
    def enriched(self) -> str:
        """The language is looked at."""
        return step_fact(self.recognized, "enrich_page", "PageEnriched")

    @property
    def completed(self) -> str:
        """The tracker's join."""
        return make_id(self.item_id, 1, "ItemCompleted")

    @property
    def published(self) -> str:
        """The package."""
        return step_fact(self.completed, "assemble_package", "PackagePublished")

    def causes(self) -> dict[str, str | None]:
        """Which fact came of which."""
        return {
            self.received: self.submitted,
            self.accepted: self.received,
            self.registered: self.received,
            self.admitted: self.registered,
            self.acquired: self.admitted,
            self.derived: self.acquired,
            self.recognized: self.acquired,
            self.described: self.acquired,
            self.enriched: self.recognized,
            self.completed: self.registered,
            self.published: self.completed,
        }


@dataclass(frozen=True)
class Digests:
    """SHA-256 of the files that the events of a page speak of."""

    manifest: str
    profile: str
    page_list: str
    item_record: str
    master: str
    texts: tuple[str, ...]
    """ALTO, hOCR, text, TSV, PDF."""
    images: tuple[str, ...]
    """Pyramid, access image, thumbnail."""
    metadata: tuple[str, ...]
    """MIX, and what exiftool read."""
    package: str


def step_fact(cause: str, step: str, record: str, index: int = 0) -> str:
    """Id of a step's fact."""
    return make_id(make_id(cause, step), record, index)


def agent(name: str, version: str | None, kind: str = "software") -> Agent:
    """Type, name and version of an agent."""
    return kind, name, version


def by_step(name: str) -> Agent:
    """A step of this version of the line."""
    number = STEP_VERSIONS.get(name, 1)
    return agent(f"copystand/{name}", f"{VERSION}+step.{number}")


def workers_of(home: Path, machine: str) -> dict[str, str]:
    """The pseudonym of each role that makes facts of a page."""
    key = (home / "run" / "worker.key").read_text().strip()
    roles = ("router", "worker", "tracker")
    return {role: f"worker-{make_id(key, machine, role)[:8]}" for role in roles}


def sequence(
    chain: Chain, digests: Digests, tools: Tools, operator: str, workers: dict[str, str]
) -> list[tuple[Any, ...]]:
    """Event type, outcome, code, fact that it tells of, k, agents, objects; in order of cause."""
    return [
        (*told, _with_worker(agents, workers), objects)
        for *told, agents, objects in _by_programs(chain, digests, tools, operator)
    ]


def _with_worker(agents: list[Agent], workers: dict[str, str]) -> list[Agent]:
    """The agents of an event, the worker after the program that it ran."""
    program = agents[0][1].removeprefix("copystand/")
    return [agents[0], agent(workers.get(program, workers["worker"]), None), *agents[1:]]


def _by_programs(
    chain: Chain, digests: Digests, tools: Tools, operator: str
) -> list[tuple[Any, ...]]:
    person, station = agent(operator, None, "person"), agent("station", None, "organization")
    router, preflight, tracker = (
        by_step("router"),
        by_step("validate_batch"),
        agent("copystand/tracker", VERSION),
    )
    acquire, recognize = by_step("acquire_page"), by_step("recognize_page")
    assemble, libvips = by_step("assemble_package"), agent("libvips", tools.vips)
    model = [
        agent("py3langid", tools.langid),
        agent("py3langid model", f"sha256:{tools.model_sha256}"),
    ]
    readers = [
        recognize,
        libvips,
        agent("tesserocr", tools.tesserocr),
        agent("tesseract", tools.tesseract),
        agent("tesseract model eng", f"sha256:{tools.eng_sha256}"),
    ]
    batch, item, page = f"batch:{chain.batch_id}", f"item:{chain.item_id}", f"page:{chain.page_id}"
    package = f"package:{chain.item_id}.v1"
    manifest, profile, page_list, record, master, tar = (
        f"sha256:{digest}"
        for digest in (
            digests.manifest, digests.profile, digests.page_list, digests.item_record,
            digests.master, digests.package,
        )
    )  # fmt: skip
    texts, images, metadata = (
        [f"sha256:{digest}" for digest in several]
        for several in (digests.texts, digests.images, digests.metadata)
    )
    derive, describe, enrich = (
        by_step("derive_page"),
        by_step("describe_page"),
        by_step("enrich_page"),
    )
    exiftool = agent("exiftool", tools.exiftool)
    text = texts[2]
    return [
        ("submission receipt", "suc", None, chain.received, 0, [router, person], [batch, manifest]),
        ("digital signature validation", "suc", None, chain.received, 1, [router, station], [batch]),
        ("validation", "suc", None, chain.accepted, 0, [preflight, person], [batch, manifest, profile]),
        ("fixity check", "suc", None, chain.accepted, 1, [preflight], [manifest]),
        ("validation", "suc", None, chain.accepted, 2, [preflight], [manifest]),
        ("registration", "suc", None, chain.registered, 0, [preflight], [item, page_list, profile]),
        ("admission", "suc", None, chain.admitted, 0, [tracker], [page, master, profile]),
        ("ingestion", "suc", None, chain.acquired, 0, [acquire], [page, master, profile]),
        ("fixity check", "suc", None, chain.acquired, 1, [acquire], [master]),
        ("format identification", "suc", None, chain.acquired, 2, [acquire], [master]),
        ("validation", "suc", None, chain.acquired, 3, [acquire, libvips], [master]),
        ("validation", "war", "page.icc-missing", chain.acquired, 4, [acquire], [master]),
        ("creation", "suc", None, chain.derived, 0, [derive], [page, *images]),
        *(
            ("creation", "suc", None, chain.derived, k, [derive, libvips], [master, image])
            for k, image in enumerate(images, 1)
        ),
        ("transcription", "suc", None, chain.recognized, 0, [recognize], [page, *texts]),
        ("creation", "suc", None, chain.recognized, 1, readers, [master, *texts]),
        ("metadata extraction", "suc", None, chain.described, 0, [describe], [page, *metadata]),
        ("metadata extraction", "suc", None, chain.described, 1, [describe, exiftool], [master, *metadata]),
        ("completion", "suc", None, chain.completed, 0, [tracker], [item, record, page_list, profile]),
        ("information package creation", "suc", None, chain.published, 0, [assemble], [item, tar]),
        ("fixity check", "suc", None, chain.published, 1, [assemble], [package]),
        ("message digest calculation", "suc", None, chain.published, 2, [assemble], [package, tar]),
        ("validation", "suc", None, chain.published, 3, [assemble], [tar]),
        ("enrichment", "suc", None, chain.enriched, 0, [enrich], [page]),
        ("enrichment", "suc", None, chain.enriched, 1, [enrich, *model], [text]),
    ]  # fmt: skip


def shown(event: dict[str, Any]) -> tuple[Any, ...]:
    """An event of `audit page --json` in the same words."""
    agents = [(one["type"], one["name"], one["version"]) for one in event["agents"]]
    told = (event["event_type"], event["outcome"], event["code"], event["cause_id"])
    return (*told, event["ordinal"], agents, event["objects"])
