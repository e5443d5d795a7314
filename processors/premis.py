"""PREMIS events made from facts, purely: anyone can check the log against the facts."""

from collections.abc import Iterator
from functools import cache

from schemas.ids import premis_id
from schemas.models import Act, Agent, Head, PremisEvent, Producer, Record

LC_EVENT_TYPE = "http://id.loc.gov/vocabulary/preservation/eventType/"
OWN_EVENT_TYPE = "https://copystand.org/vocabulary/eventType/"
LC_CODES = {
    "capture": "cap",
    "creation": "cre",
    "fixity check": "fix",
    "format identification": "for",
    "information package creation": "ipc",
    "ingestion": "ing",
    "metadata extraction": "mee",
    "message digest calculation": "mes",
    "quarantine": "qua",
    "replication": "rep",
    "transfer": "tra",
    "unquarantine": "unq",
    "validation": "val",
}
"""Labels of id.loc.gov eventType that are used here, with their codes."""

OWN_TYPES = {
    "submission receipt": "A submission was taken in as well formed, not judged yet.",
    "registration": "An item of an accepted batch became known with its page list.",
    "admission": "A page entered the window of work.",
    "transcription": "Text was recognised in an image.",
    "completion": "Every required branch of every page of an item has ended.",
    "settlement": "No page of a batch is in flight any more.",
    "deferral": "Work was put off for a reason outside the material.",
    "decision": "A person's request was granted or refused.",
    "enrichment": "A model made suggestions about a page; nothing waits for them.",
    "log-anomaly": "The sealer met a record that it could not seal as it was.",
}
"""Event types of our own, with their definitions (docs/vocabulary.ttl has them as SKOS)."""

PRODUCER_ROLE = "executing program"
WORKER_ROLE = "implementer"
LONGEST_DETAIL = 4000

DETAILS = {
    "BatchReceived": "Submission taken in; its manifest's body has SHA-256 {fact.manifest_sha256}.",
    "CaptureAccepted": "Capture {fact.sequence} of the item taken in.",
    "ReceiptAccepted": "{fact.repository} answered for {fact.package_id}: {fact.reason}",
    "BatchAccepted": "Pre-flight passed: {fact.item_count} items, {fact.page_count} pages, "
    "profile {fact.scanner_profile}, {fact.diagnostics_count} findings.",
    "ItemRegistered": "Registered with {fact.page_count} pages.",
    "PageAdmitted": "Page {fact.ref}, {fact.kind}, admitted with priority {fact.priority}.",
    "PageAcquired": "Master stored and judged good: {fact.format_name}, "
    "{fact.width_px} x {fact.height_px} pixels.",
    "PageDerived": "Reading images made.",
    "PageRecognized": "{fact.words} words and {fact.characters} characters recognised.",
    "PageDescribed": "Metadata drawn from the master.",
    "PageEnriched": "Suggestions made.",
    "ItemCompleted": "Every required branch of its {fact.page_count} pages has ended.",
    "PackagePublished": "{fact.package_id} published: {fact.counts.files} files, "
    "{fact.size_bytes} bytes, content {fact.content_digest}.",
    "BatchSettled": "Settled: {fact.registered} pages registered, {fact.packaged} packaged, "
    "{fact.quarantined} quarantined, {fact.cancelled} cancelled.",
    "WorkDeferred": "{fact.step}, attempt {attempt}: {fact.why}{next_try}",
    "WorkQuarantined": "Set aside at {fact.step}: {fact.where}: {fact.found}. {fact.fix}",
    "ControlDecided": "{fact.action}: {fact.reason}",
}
"""What the event of a transition says in words, by record."""


def event_type_uri(label: str) -> str:
    """URI of an event type. Raises KeyError for a label of no vocabulary."""
    if label in LC_CODES:
        return LC_EVENT_TYPE + LC_CODES[label]
    if label in OWN_TYPES:
        return OWN_EVENT_TYPE + label.replace(" ", "-")
    raise KeyError(f"no vocabulary has the event type {label!r}")


@cache
def _transition_type(record: str) -> str:
    # Imported here: the table imports every step, and assemble_package asks for events.
    from processors.pipeline import transition_type

    return transition_type(record)


def subject_of(head: Head) -> str:
    """The narrowest object that a head is about, as written in sources and results."""
    if head.page_id:
        return f"page:{head.page_id}"
    return f"item:{head.item_id}" if head.item_id else f"batch:{head.batch_id or '_none'}"


def events_of(fact: Record) -> tuple[PremisEvent, ...]:
    """The 1..n PREMIS events that a fact owes: k = 0 the transition itself, then its acts in order
    (PREMIS 3.0, Event entity; contract: PREMIS)."""
    head: Head = fact.head  # type: ignore[attr-defined]
    record = type(fact).__name__
    return tuple(
        PremisEvent(
            head=head.model_copy(
                update={"event_id": premis_id(head.event_id, k), "cause_id": head.event_id}
            ),
            fact=record,
            ordinal=k,
            event_type=act.type,
            event_type_uri=event_type_uri(act.type),
            outcome=act.outcome,
            code=act.code,
            detail=act.detail,
            agents=(*makers(head.producer), *act.agents),
            sources=act.sources,
            results=act.results,
        )
        for k, act in enumerate((_transition(fact, head, record), *fact.acts))  # type: ignore[attr-defined]
    )


def makers(made_by: Producer) -> Iterator[Agent]:
    """The program that made a fact, and the worker that ran it; old facts name no worker."""
    yield Agent(type="software", name=made_by.name, version=made_by.version, role=PRODUCER_ROLE)
    if made_by.worker:
        yield Agent(type="software", name=made_by.worker, role=WORKER_ROLE)


def _plan(fact: Record) -> dict[str, str]:
    """Which of how many attempts failed, and what follows; facts from before say less."""
    attempt, allowed = str(fact.attempt), fact.attempts_allowed  # type: ignore[attr-defined]
    if not allowed:
        return {"attempt": attempt, "next_try": ""}
    due, failed_at = fact.next_at, fact.head.occurred_at  # type: ignore[attr-defined]
    if due is None:
        next_try = "; it was the last attempt"
    else:
        seconds = (due - failed_at).total_seconds()
        next_try = f"; next attempt in {seconds:.3f} s, at {due:%Y-%m-%dT%H:%M:%S.%fZ}"
    return {"attempt": f"{attempt} of {allowed}", "next_try": next_try}


def _transition(fact: Record, head: Head, record: str) -> Act:
    """The act of passing from one state to the next."""
    code, outcome = None, "suc"
    plan = _plan(fact) if record == "WorkDeferred" else {}
    detail = DETAILS[record].format(fact=fact, **plan)
    if record == "WorkQuarantined":
        code, outcome = fact.code, "fai"  # type: ignore[attr-defined]
    elif record == "WorkDeferred":
        code, outcome = f"deferred.{fact.error_class}", "fai"  # type: ignore[attr-defined]
    elif record == "ControlDecided":
        code, outcome = fact.code, "suc" if fact.granted else "fai"  # type: ignore[attr-defined]
    person = getattr(fact, "operator", None) or getattr(fact, "by", None)
    agents = (Agent(type="person", name=person, role="authorizer"),) if person else ()
    return Act(
        type=_transition_type(record),
        outcome=outcome,
        code=code,
        detail=detail[:LONGEST_DETAIL],
        agents=agents,
        sources=(subject_of(head),),
        results=tuple(f"sha256:{file.sha256}" for file in fact.files[:20]),  # type: ignore[attr-defined]
    )
