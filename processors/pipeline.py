"""The line as one table: which step makes which fact of which, and every other fact."""

from functools import cache

from processors.step import FormatName, OtherFact, PackageFile, Row, Step
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    BatchSettled,
    BatchSubmitted,
    CaptureAccepted,
    ControlDecided,
    ControlRequested,
    Fact,
    ItemCompleted,
    ItemRegistered,
    PackagePublished,
    PackageReceived,
    PageAcquired,
    PageAdmitted,
    PageCaptured,
    PageDerived,
    PageDescribed,
    PageEnriched,
    PageRecognized,
    ReceiptAccepted,
    WorkDeferred,
    WorkQuarantined,
)

ROUTER = "router"
TRACKER = "tracker"

ALTO = FormatName("ALTO", None, "fmt/101")
HOCR = FormatName("hOCR, XHTML", "1.0", "fmt/102")
PLAIN_TEXT = FormatName("Plain Text File", None, "x-fmt/111")
TSV = FormatName("Tab-separated Values", None, "x-fmt/13")

TABLE: tuple[Row, ...] = (
    OtherFact(BatchSubmitted, by=("station",)),
    Step(
        "route:receive_batch",
        BatchSubmitted,
        BatchReceived,
        premis="submission receipt",
        detail="Submission taken in; its manifest's body has SHA-256 {fact.manifest_sha256}.",
        lane="intake",
        name_on_topics=ROUTER,
    ),
    Step(
        "validate_batch",
        BatchReceived,
        BatchAccepted,
        premis="validation",
        detail="Pre-flight passed: {fact.item_count} items, {fact.page_count} pages, "
        "profile {fact.scanner_profile}, {fact.diagnostics_count} findings.",
        lane="preflight",
        also_gives=(ItemRegistered,),
        version="2",
        timeout_seconds=600,
    ),
    OtherFact(
        ItemRegistered,
        premis="registration",
        detail="Registered with {fact.page_count} pages.",
        cause=BatchAccepted,
    ),
    OtherFact(PageCaptured, by=("station",)),
    Step(
        "route:accept_capture",
        PageCaptured,
        CaptureAccepted,
        premis="capture",
        detail="Capture {fact.sequence} of the item taken in.",
        lane="intake",
        name_on_topics=ROUTER,
    ),
    OtherFact(
        PageAdmitted,
        by=(TRACKER,),
        premis="admission",
        detail="Page {fact.ref}, {fact.kind}, admitted with priority {fact.priority}.",
        cause=ItemRegistered,
    ),
    Step(
        "acquire_page",
        PageAdmitted,
        PageAcquired,
        premis="ingestion",
        detail="Master stored and judged good: {fact.format_name}, "
        "{fact.width_px} x {fact.height_px} pixels.",
        lane="masters",
        packages=(PackageFile("master", "data/master", "MASTER"),),
        version="2",
    ),
    Step(
        "derive_page",
        PageAcquired,
        PageDerived,
        premis="creation",
        detail="Reading images made.",
        lane="derivatives",
        packages=(
            PackageFile("access", "data/access", "DEFAULT"),
            PackageFile("pyramid", "data/access", "DEFAULT"),
            PackageFile("thumbnail", "data/access", "THUMBS", infix=".thumbnail"),
        ),
        branch=True,
    ),
    Step(
        "recognize_page",
        PageAcquired,
        PageRecognized,
        premis="transcription",
        detail="{fact.words} words and {fact.characters} characters recognised.",
        lane="text",
        packages=(
            PackageFile("alto", "data/text", "FULLTEXT", ".xml", format=ALTO),
            PackageFile("hocr", "data/text", "FULLTEXT", ".hocr", format=HOCR),
            PackageFile("text", "data/text", "FULLTEXT", ".txt", format=PLAIN_TEXT),
            PackageFile("tsv", "data/text", "FULLTEXT", ".tsv", format=TSV),
            PackageFile("pdf", "data/download", "DOWNLOAD", ".pdf"),
        ),
        branch=True,
        version="2",
        # A turned page is read twice, each time within the profile's own limit.
        timeout_seconds=400,
    ),
    Step(
        "describe_page",
        PageAcquired,
        PageDescribed,
        premis="metadata extraction",
        detail="Metadata drawn from the master.",
        lane="metadata",
        branch=True,
    ),
    Step(
        "enrich_page",
        PageRecognized,
        PageEnriched,
        premis="enrichment",
        detail="Suggestions made.",
        lane="enrichment",
        branch=True,
        after_branch=True,
    ),
    OtherFact(
        WorkDeferred,
        by=("driver",),
        premis="deferral",
        detail="{fact.step}, attempt {attempt}: {fact.why}{next_try}",
    ),
    OtherFact(
        WorkQuarantined,
        by=("driver", TRACKER),
        premis="quarantine",
        detail="Set aside at {fact.step}: {fact.where}: {fact.found}. {fact.fix}",
    ),
    OtherFact(ControlRequested, by=("command line",)),
    OtherFact(
        ControlDecided, by=(TRACKER,), premis="decision", detail="{fact.action}: {fact.reason}"
    ),
    OtherFact(
        # It is dated by the latest of the facts it joins, so time puts it in its place.
        ItemCompleted,
        by=(TRACKER,),
        premis="completion",
        detail="Every required branch of its {fact.page_count} pages has ended.",
    ),
    Step(
        "assemble_package",
        ItemCompleted,
        PackagePublished,
        premis="information package creation",
        detail="{fact.package_id} published: {fact.counts.files} files, "
        "{fact.size_bytes} bytes, content {fact.content_digest}.",
        lane="packages",
        version="2",
        timeout_seconds=600,
    ),
    OtherFact(PackageReceived, by=("repository",)),
    Step(
        "route:accept_receipt",
        PackageReceived,
        ReceiptAccepted,
        premis="transfer",
        detail="{fact.repository} answered for {fact.package_id}: {fact.reason}",
        lane="intake",
        name_on_topics=ROUTER,
        follows=PackagePublished,
    ),
    OtherFact(
        BatchSettled,
        by=(TRACKER,),
        premis="settlement",
        detail="Settled: {fact.registered} pages registered, {fact.packaged} packaged, "
        "{fact.quarantined} quarantined, {fact.cancelled} cancelled.",
    ),
)
"""In the order of a page's way. Adding a step is one row here, one file beside this one and one
schema; `make schemas` says what a schema or a row lacks."""

STEPS = tuple(row for row in TABLE if isinstance(row, Step))
OTHER_FACTS = tuple(row for row in TABLE if isinstance(row, OtherFact))


@cache
def _by_record() -> dict[str, Row]:
    return {row.fact.__name__: row for row in TABLE if row.premis}


def transition(record: str) -> Row:
    """The row that says what the event of a fact tells. Raises KeyError for what owes none."""
    return _by_record()[record]


def facts_that_owe_events() -> tuple[type[Fact], ...]:
    """The facts that must be found in the log, each with its PREMIS events, in the table's order
    (contract: PREMIS)."""
    return tuple(row.fact for row in TABLE if row.premis)


def written_by(fact: type[Fact]) -> tuple[str, ...]:
    """Who writes a fact: steps by name, else roles."""
    steps = [step.name for step in STEPS if fact in (step.gives, *step.also_gives)]
    others = [name for row in OTHER_FACTS if row.fact is fact for name in row.by]
    return (*steps, *others)


def taken_by(fact: type[Fact]) -> tuple[str, ...]:
    """The steps that work on a fact."""
    return tuple(step.name for step in STEPS if step.takes is fact)


def read_by_tracker(row: Row) -> bool:
    """Whether the tracker needs a fact: all that steps give, and what others write for no step."""
    writers, takers = written_by(row.fact), taken_by(row.fact)
    by_steps = {step.name for step in STEPS}.intersection(writers)
    return bool(by_steps) or (writers != (TRACKER,) and not takers)


@cache
def package_files() -> dict[str, PackageFile]:
    """What belongs in a package, by use, in the table's order."""
    return {file.use: file for step in STEPS for file in step.packages}


def router_steps() -> tuple[Step, ...]:
    """What the router does, by the record it takes."""
    return tuple(step for step in STEPS if step.name == ROUTER)


def worker_steps() -> tuple[Step, ...]:
    """What workers do."""
    return tuple(step for step in STEPS if step.name != ROUTER)


def branches() -> tuple[Step, ...]:
    """Steps that a profile may require."""
    return tuple(step for step in STEPS if step.branch and not step.after_branch)


def late_branches() -> tuple[Step, ...]:
    """Steps that a profile may want, and that no page can wait for."""
    return tuple(step for step in STEPS if step.branch and step.after_branch)


def wanted(step: Step, fact: Fact) -> bool:
    """Whether a step has anything to do with a fact: branches are named in it."""
    if not step.branch:
        return True
    named = (getattr(fact, "required_branches", ()), getattr(fact, "optional_branches", ()))
    return any(step.name in names for names in named)
