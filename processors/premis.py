"""Makes PREMIS events from facts alone, so that the log can be verified against the facts."""

import re
from collections.abc import Iterator
from functools import lru_cache

from processors import premis_wording_0_1
from processors.pipeline import transition
from schemas.ids import premis_id
from schemas.models import (
    Act,
    Agent,
    ControlDecided,
    Fact,
    FixityChecked,
    Head,
    PremisEvent,
    Producer,
    WorkDeferred,
    WorkQuarantined,
)

LC_EVENT_TYPE = "http://id.loc.gov/vocabulary/preservation/eventType/"
OWN_EVENT_TYPE = "https://copystand.org/vocabulary/eventType/"
LC_CODES = {
    "capture": "cap",
    "creation": "cre",
    "deletion": "del",
    "digital signature validation": "dig",
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
"""Labels of id.loc.gov eventType that copystand uses, with their codes."""

OWN_TYPES = {
    "submission receipt": "A well-formed submission was received; it has not been validated yet.",
    "registration": "An item of an accepted batch was registered with its page list.",
    "admission": "A page was admitted for processing.",
    "transcription": "Text was recognised in an image.",
    "completion": "All required branches of all pages of an item have ended.",
    "settlement": "No page of a batch is in flight any longer.",
    "deferral": "A step failed for a reason outside the material; it may be tried again.",
    "decision": "A person's request was granted or refused.",
    "enrichment": "A model made suggestions about a page; no other step depends on them.",
    "log-anomaly": "The log got a record that cannot be sealed or is not from the sealer.",
    "log-maintenance": "The sealed events were published again, or the log got another key.",
}
"""Event types that copystand defines (docs/vocabulary.ttl has them as SKOS)."""

OLD_TEXTS = (((0, 2, 0), premis_wording_0_1.DETAILS),)
"""Texts for facts made before a version, oldest first."""

RELEASE = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(\+step\.\w+)?")
PRODUCER_ROLE = "executing program"
WORKER_ROLE = "implementer"
MAX_DETAIL_LENGTH = 4000


def event_type_uri(label: str) -> str:
    """URI of an event type. Raises KeyError for an unknown label."""
    if label in LC_CODES:
        return LC_EVENT_TYPE + LC_CODES[label]
    if label in OWN_TYPES:
        return OWN_EVENT_TYPE + label.replace(" ", "-")
    raise KeyError(f"no vocabulary has the event type {label!r}")


def subject_of(head: Head) -> str:
    """The subject of a head, as written in sources and results."""
    if head.page_id:
        return f"page:{head.page_id}"
    return f"item:{head.item_id}" if head.item_id else f"batch:{head.batch_id or '_none'}"


def events_of(fact: Fact) -> tuple[PremisEvent, ...]:
    """The PREMIS events of a fact: one for the transition, then one for each act
    (PREMIS 3.0, Event entity; docs/contract.md §6)."""
    head = fact.head
    made_by = tuple(producer_agents(head.producer))
    return tuple(
        PremisEvent(
            head=head.model_copy(
                update={"event_id": premis_id(head.event_id, k), "cause_id": head.event_id}
            ),
            fact=type(fact).__name__,
            ordinal=k,
            event_type=act.type,
            event_type_uri=event_type_uri(act.type),
            outcome=act.outcome,
            code=act.code,
            detail=act.detail,
            agents=(*made_by, *act.agents),
            sources=act.sources,
            results=act.results,
        )
        for k, act in enumerate((_transition(fact), *fact.acts))
    )


def producer_agents(made_by: Producer) -> Iterator[Agent]:
    """The program that made a fact, and the worker that ran it, which old facts do not name."""
    yield Agent(type="software", name=made_by.name, version=made_by.version, role=PRODUCER_ROLE)
    if made_by.worker:
        yield Agent(type="software", name=made_by.worker, role=WORKER_ROLE)


def _retry_fields(fact: WorkDeferred) -> dict[str, str]:
    """The fields `attempt` and `next_try` of a deferral; old facts have fewer data."""
    attempt, allowed = str(fact.attempt), fact.attempts_allowed
    if not allowed:
        return {"attempt": attempt, "next_try": ""}
    due, failed_at = fact.next_at, fact.head.occurred_at
    if due is None:
        next_try = "; it was the last attempt"
    else:
        seconds = (due - failed_at).total_seconds()
        next_try = f"; next attempt in {seconds:.3f} s, at {due:%Y-%m-%dT%H:%M:%S.%fZ}"
    return {"attempt": f"{attempt} of {allowed}", "next_try": next_try}


def _transition(fact: Fact) -> Act:
    """The transition of a fact, as an act."""
    row = transition(type(fact).__name__)
    retry_fields = _retry_fields(fact) if isinstance(fact, WorkDeferred) else {}
    code, outcome = _outcome(fact)
    person = getattr(fact, "operator", None) or getattr(fact, "by", None)
    agents = (Agent(type="person", name=person, role="authorizer"),) if person else ()
    return Act(
        type=row.premis,
        outcome=outcome,
        code=code,
        detail=detail_text(fact).format(fact=fact, **retry_fields)[:MAX_DETAIL_LENGTH],
        agents=agents,
        sources=(subject_of(fact.head),),
        results=tuple(f"sha256:{file.sha256}" for file in fact.files[:20]),
    )


def detail_text(fact: Fact) -> str:
    """The detail template for a transition, as in the version that made the fact."""
    record = type(fact).__name__
    release = _release_of(fact.head.producer.version)
    for before, texts in OLD_TEXTS:
        if release is not None and release < before and record in texts:
            return texts[record]
    return transition(record).detail


@lru_cache(maxsize=64)
def _release_of(version: str) -> tuple[int, ...] | None:
    """The release in the version of a producer, for example 0.2.0 in 0.2.0+step.3."""
    found = RELEASE.fullmatch(version)
    return tuple(int(number) for number in found.groups()[:3]) if found else None


def _outcome(fact: Fact) -> tuple[str | None, str]:
    """Code and outcome of a transition."""
    if isinstance(fact, WorkQuarantined):
        return fact.code, "fai"
    if isinstance(fact, WorkDeferred):
        return f"deferred.{fact.error_class}", "fai"
    if isinstance(fact, ControlDecided):
        return fact.code, "suc" if fact.granted else "fai"
    if isinstance(fact, FixityChecked) and fact.failed:
        return "fixity.failed", "fai"
    return None, "suc"
