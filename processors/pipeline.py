"""The table of steps: which fact each step takes and gives, and all other facts."""

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
    FixityChecked,
    ItemCompleted,
    ItemRegistered,
    ObjectRestored,
    PackagePublished,
    PackageReceived,
    PageAcquired,
    PageAdmitted,
    PageAnalyzed,
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
FIXITY = "fixity"
"""Who checks the objects of the store; also the step in its quarantine records."""

ENRICHMENT = "enrichment"
"""The role that runs models on pages of completed items."""

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
        detail="Submission received. SHA-256 of the manifest body: {fact.manifest_sha256}.",
        lane="intake",
        name_on_topics=ROUTER,
        version="2",
    ),
    Step(
        "validate_batch",
        BatchReceived,
        BatchAccepted,
        premis="validation",
        detail="Pre-flight passed. Items: {fact.item_count}, pages: {fact.page_count}, "
        "profile: {fact.scanner_profile}, findings: {fact.diagnostics_count}.",
        lane="preflight",
        also_gives=(ItemRegistered,),
        version="6",
        timeout_seconds=600,
    ),
    OtherFact(
        ItemRegistered,
        premis="registration",
        detail="Item registered. Pages: {fact.page_count}.",
        cause=BatchAccepted,
    ),
    OtherFact(PageCaptured, by=("station",)),
    Step(
        "route:accept_capture",
        PageCaptured,
        CaptureAccepted,
        premis="capture",
        detail="Capture {fact.sequence} of the item received.",
        lane="intake",
        name_on_topics=ROUTER,
        version="3",
    ),
    OtherFact(
        PageAdmitted,
        by=(TRACKER,),
        premis="admission",
        detail="Page {fact.ref} ({fact.kind}) admitted with priority {fact.priority}.",
        cause=ItemRegistered,
    ),
    Step(
        "acquire_page",
        PageAdmitted,
        PageAcquired,
        premis="ingestion",
        detail="Master validated and stored: {fact.format_name}, "
        "{fact.width_px} x {fact.height_px} pixels.",
        lane="masters",
        packages=(PackageFile("master", "data/master", "MASTER"),),
        version="5",
    ),
    Step(
        "derive_page",
        PageAcquired,
        PageDerived,
        premis="creation",
        detail="Access images created.",
        lane="derivatives",
        packages=(
            PackageFile("access", "data/access", "DEFAULT"),
            PackageFile("pyramid", "data/access", "DEFAULT"),
            PackageFile("thumbnail", "data/access", "THUMBS", infix=".thumbnail"),
        ),
        branch=True,
        version="3",
    ),
    Step(
        "recognize_page",
        PageAcquired,
        PageRecognized,
        premis="transcription",
        detail="Text recognised. Words: {fact.words}, characters: {fact.characters}.",
        lane="text",
        packages=(
            PackageFile("alto", "data/text", "FULLTEXT", ".xml", format=ALTO),
            PackageFile("hocr", "data/text", "FULLTEXT", ".hocr", format=HOCR),
            PackageFile("text", "data/text", "FULLTEXT", ".txt", format=PLAIN_TEXT),
            PackageFile("tsv", "data/text", "FULLTEXT", ".tsv", format=TSV),
            PackageFile("pdf", "data/download", "DOWNLOAD", ".pdf"),
        ),
        branch=True,
        version="5",
        # A rotated page is read twice, each time within the time limit of the profile.
        timeout_seconds=400,
    ),
    Step(
        "describe_page",
        PageAcquired,
        PageDescribed,
        premis="metadata extraction",
        detail="Metadata extracted from the master.",
        lane="metadata",
        branch=True,
        version="3",
    ),
    Step(
        "enrich_page",
        PageRecognized,
        PageEnriched,
        premis="enrichment",
        detail="Suggestions recorded.",
        lane="enrichment",
        branch=True,
        after_branch=True,
    ),
    OtherFact(
        FixityChecked,
        by=(FIXITY,),
        premis="fixity check",
        detail="Fixity run {fact.run_id} ({fact.scope}). Objects read: {fact.objects}, bytes: "
        "{fact.size_bytes}, failed: {fact.failed}. The list of digests is a file of this event.",
    ),
    OtherFact(
        WorkDeferred,
        by=("driver",),
        premis="deferral",
        detail="{fact.step}, attempt {attempt}: {fact.why}{next_try}",
    ),
    OtherFact(
        WorkQuarantined,
        by=("driver", TRACKER, FIXITY),
        premis="quarantine",
        detail="Quarantined at {fact.step}. {fact.where}: {fact.found}. {fact.fix}",
    ),
    OtherFact(ControlRequested, by=("command line",)),
    OtherFact(
        ControlDecided, by=(TRACKER,), premis="decision", detail="{fact.action}: {fact.reason}"
    ),
    OtherFact(
        # No cause: its time is that of the latest fact that it combines.
        ItemCompleted,
        by=(TRACKER,),
        premis="completion",
        detail="All required branches of all pages have ended. Pages: {fact.page_count}.",
    ),
    OtherFact(
        PageAnalyzed,
        by=(ENRICHMENT,),
        premis="enrichment",
        detail="Models looked at the page. Suggestions: {fact.suggested}.",
        beside_the_line=True,
    ),
    Step(
        "assemble_package",
        ItemCompleted,
        PackagePublished,
        premis="information package creation",
        detail="Package {fact.package_id} published. Files: {fact.counts.files}, "
        "bytes: {fact.size_bytes}, content digest: {fact.content_digest}.",
        lane="packages",
        version="6",
        timeout_seconds=600,
    ),
    OtherFact(PackageReceived, by=("repository",)),
    Step(
        "route:accept_receipt",
        PackageReceived,
        ReceiptAccepted,
        premis="transfer",
        detail="Answer of {fact.repository} for package {fact.package_id}: {fact.reason}",
        lane="intake",
        name_on_topics=ROUTER,
        follows=PackagePublished,
    ),
    OtherFact(
        BatchSettled,
        by=(TRACKER,),
        premis="settlement",
        detail="Batch settled. Pages registered: {fact.registered}, packaged: {fact.packaged}, "
        "quarantined: {fact.quarantined}, cancelled: {fact.cancelled}.",
    ),
    OtherFact(
        ObjectRestored,
        by=(FIXITY,),
        premis="replication",
        detail="{fact.key} has its recorded bytes again. Source: {fact.source}. {fact.reason}",
    ),
)
"""In the order of events, causes first. A new step needs a row here, a module in this folder and a
schema; `make schemas` reports what is missing."""

STEPS = tuple(row for row in TABLE if isinstance(row, Step))
OTHER_FACTS = tuple(row for row in TABLE if isinstance(row, OtherFact))


@cache
def _by_record() -> dict[str, Row]:
    return {row.fact.__name__: row for row in TABLE if row.premis}


def transition(record: str) -> Row:
    """The row with type and detail of a fact's event. Raises KeyError for a fact without events."""
    return _by_record()[record]


def facts_with_events() -> tuple[type[Fact], ...]:
    """The facts from which PREMIS events are made, in the order of the table."""
    return tuple(row.fact for row in TABLE if row.premis)


def written_by(fact: type[Fact]) -> tuple[str, ...]:
    """The steps and roles that write a fact."""
    steps = [step.name for step in STEPS if fact in (step.gives, *step.also_gives)]
    others = [name for row in OTHER_FACTS if row.fact is fact for name in row.by]
    return (*steps, *others)


def taken_by(fact: type[Fact]) -> tuple[str, ...]:
    """The steps that take a fact."""
    return tuple(step.name for step in STEPS if step.takes is fact)


def read_by_tracker(row: Row) -> bool:
    """Whether the tracker reads a fact: one that a step gives, or that others write for no step."""
    if isinstance(row, OtherFact) and row.beside_the_line:
        return False
    writers, takers = written_by(row.fact), taken_by(row.fact)
    by_steps = {step.name for step in STEPS}.intersection(writers)
    return bool(by_steps) or (writers != (TRACKER,) and not takers)


@cache
def package_files() -> dict[str, PackageFile]:
    """The files of packages, by use, in the order of the table."""
    return {file.use: file for step in STEPS for file in step.packages}


def router_steps() -> tuple[Step, ...]:
    """The steps of the router."""
    return tuple(step for step in STEPS if step.name == ROUTER)


def worker_steps() -> tuple[Step, ...]:
    """The steps of the workers."""
    return tuple(step for step in STEPS if step.name != ROUTER)


def branches() -> tuple[Step, ...]:
    """The branches that a profile can require."""
    return tuple(step for step in STEPS if step.branch and not step.after_branch)


def late_branches() -> tuple[Step, ...]:
    """The branches that take the fact of another branch; a profile cannot require them."""
    return tuple(step for step in STEPS if step.branch and step.after_branch)


def wanted(step: Step, fact: Fact) -> bool:
    """Whether a step processes a fact; a branch only if the fact names it."""
    if not step.branch:
        return True
    named = (getattr(fact, "required_branches", ()), getattr(fact, "optional_branches", ()))
    return any(step.name in names for names in named)
