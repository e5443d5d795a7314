"""PREMIS events made from facts, purely: anyone can check the log against the facts."""

from processors.pipeline import transition
from schemas.ids import premis_id
from schemas.models import (
    Act,
    Agent,
    ControlDecided,
    Fact,
    Head,
    PremisEvent,
    WorkDeferred,
    WorkQuarantined,
)

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
LONGEST_DETAIL = 4000


def event_type_uri(label: str) -> str:
    """URI of an event type. Raises KeyError for a label of no vocabulary."""
    if label in LC_CODES:
        return LC_EVENT_TYPE + LC_CODES[label]
    if label in OWN_TYPES:
        return OWN_EVENT_TYPE + label.replace(" ", "-")
    raise KeyError(f"no vocabulary has the event type {label!r}")


def subject_of(head: Head) -> str:
    """The narrowest object that a head is about, as written in sources and results."""
    if head.page_id:
        return f"page:{head.page_id}"
    return f"item:{head.item_id}" if head.item_id else f"batch:{head.batch_id or '_none'}"


def events_of(fact: Fact) -> tuple[PremisEvent, ...]:
    """The 1..n PREMIS events that a fact owes: k = 0 the transition itself, then its acts in order
    (PREMIS 3.0, Event entity; contract: PREMIS)."""
    head = fact.head
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
            agents=(_producer(head), *act.agents),
            sources=act.sources,
            results=act.results,
        )
        for k, act in enumerate((_transition(fact), *fact.acts))
    )


def _producer(head: Head) -> Agent:
    return Agent(
        type="software", name=head.producer.name, version=head.producer.version, role=PRODUCER_ROLE
    )


def _plan(fact: WorkDeferred) -> dict[str, str]:
    """Which of how many attempts failed, and what follows; facts from before say less."""
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
    """The act of passing from one state to the next."""
    row = transition(type(fact).__name__)
    plan = _plan(fact) if isinstance(fact, WorkDeferred) else {}
    code, outcome = _outcome(fact)
    person = getattr(fact, "operator", None) or getattr(fact, "by", None)
    agents = (Agent(type="person", name=person, role="authorizer"),) if person else ()
    return Act(
        type=row.premis,
        outcome=outcome,
        code=code,
        detail=row.detail.format(fact=fact, **plan)[:LONGEST_DETAIL],
        agents=agents,
        sources=(subject_of(fact.head),),
        results=tuple(f"sha256:{file.sha256}" for file in fact.files[:20]),
    )


def _outcome(fact: Fact) -> tuple[str | None, str]:
    """Code and outcome of a transition."""
    if isinstance(fact, WorkQuarantined):
        return fact.code, "fai"
    if isinstance(fact, WorkDeferred):
        return f"deferred.{fact.error_class}", "fai"
    if isinstance(fact, ControlDecided):
        return fact.code, "suc" if fact.granted else "fai"
    return None, "suc"
