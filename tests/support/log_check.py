"""Compares the sealed log with the events owed for all facts; stands alone, imports nothing of the line.

What is owed is written out here a second time, from the contract, so that a fault in the line's own
code cannot hide itself; a new step is entered here too."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from tests.support.reader import (
    FACTS_THAT_OWE,
    INTAKE,
    PREMIS,
    Fact,
    NotAFact,
    Raw,
    decoded,
    facts_of,
    schema_digest,
    schema_id_of,
)

NS = UUID("4d7339f1-134b-4d89-8b44-7cf799ee20e6")
LC = "http://id.loc.gov/vocabulary/preservation/eventType/"
OWN = "https://copystand.org/vocabulary/eventType/"
URIS = {
    "capture": LC + "cap",
    "creation": LC + "cre",
    "deletion": LC + "del",
    "digital signature validation": LC + "dig",
    "fixity check": LC + "fix",
    "format identification": LC + "for",
    "information package creation": LC + "ipc",
    "ingestion": LC + "ing",
    "metadata extraction": LC + "mee",
    "message digest calculation": LC + "mes",
    "quarantine": LC + "qua",
    "replication": LC + "rep",
    "transfer": LC + "tra",
    "unquarantine": LC + "unq",
    "validation": LC + "val",
    "submission receipt": OWN + "submission-receipt",
    "registration": OWN + "registration",
    "admission": OWN + "admission",
    "transcription": OWN + "transcription",
    "enrichment": OWN + "enrichment",
    "completion": OWN + "completion",
    "settlement": OWN + "settlement",
    "deferral": OWN + "deferral",
    "decision": OWN + "decision",
}
TRANSITIONS = {
    "BatchReceived": "submission receipt",
    "CaptureAccepted": "capture",
    "ReceiptAccepted": "transfer",
    "BatchAccepted": "validation",
    "ItemRegistered": "registration",
    "PageAdmitted": "admission",
    "PageAcquired": "ingestion",
    "PageDerived": "creation",
    "PageRecognized": "transcription",
    "PageDescribed": "metadata extraction",
    "PageEnriched": "enrichment",
    "ItemCompleted": "completion",
    "PackagePublished": "information package creation",
    "BatchSettled": "settlement",
    "WorkDeferred": "deferral",
    "WorkQuarantined": "quarantine",
    "ControlDecided": "decision",
    "FixityChecked": "fixity check",
    "PageAnalyzed": "enrichment",
    "ObjectRestored": "replication",
}
DETAILS = {
    "BatchReceived": "Submission received. SHA-256 of the manifest body: {manifest_sha256}.",
    "CaptureAccepted": "Capture {sequence} of the item received.",
    "ReceiptAccepted": "Answer of {repository} for package {package_id}: {reason}",
    "BatchAccepted": "Pre-flight passed. Items: {item_count}, pages: {page_count}, "
    "profile: {scanner_profile}, findings: {diagnostics_count}.",
    "ItemRegistered": "Item registered. Pages: {page_count}.",
    "PageAdmitted": "Page {ref} ({kind}) admitted with priority {priority}.",
    "PageAcquired": "Master validated and stored: {format_name}, {width_px} x {height_px} pixels.",
    "PageDerived": "Access images created.",
    "PageRecognized": "Text recognised. Words: {words}, characters: {characters}.",
    "PageDescribed": "Metadata extracted from the master.",
    "PageEnriched": "Suggestions recorded.",
    "ItemCompleted": "All required branches of all pages have ended. Pages: {page_count}.",
    "PackagePublished": "Package {package_id} published. Files: {counts[files]}, bytes: {size_bytes}, "
    "content digest: {content_digest}.",
    "BatchSettled": "Batch settled. Pages registered: {registered}, packaged: {packaged}, "
    "quarantined: {quarantined}, cancelled: {cancelled}.",
    "WorkQuarantined": "Quarantined at {step}. {where}: {found}. {fix}",
    "ControlDecided": "{action}: {reason}",
    "FixityChecked": "Fixity run {run_id} ({scope}). Objects read: {objects}, bytes: {size_bytes}, "
    "failed: {failed}. The list of digests is a file of this event.",
    "PageAnalyzed": "Models looked at the page. Suggestions: {suggested}.",
    "ObjectRestored": "{key} has its recorded bytes again. Source: {source}. {reason}",
}
DETAILS_BEFORE_0_2 = {
    "BatchReceived": "Submission taken in; its manifest's body has SHA-256 {manifest_sha256}.",
    "CaptureAccepted": "Capture {sequence} of the item taken in.",
    "ReceiptAccepted": "{repository} answered for {package_id}: {reason}",
    "BatchAccepted": "Pre-flight passed: {item_count} items, {page_count} pages, "
    "profile {scanner_profile}, {diagnostics_count} findings.",
    "ItemRegistered": "Registered with {page_count} pages.",
    "PageAdmitted": "Page {ref}, {kind}, admitted with priority {priority}.",
    "PageAcquired": "Master stored and judged good: {format_name}, {width_px} x {height_px} pixels.",
    "PageDerived": "Reading images made.",
    "PageRecognized": "{words} words and {characters} characters recognised.",
    "PageDescribed": "Metadata drawn from the master.",
    "PageEnriched": "Suggestions made.",
    "ItemCompleted": "Every required branch of its {page_count} pages has ended.",
    "PackagePublished": "{package_id} published: {counts[files]} files, {size_bytes} bytes, "
    "content {content_digest}.",
    "BatchSettled": "Settled: {registered} pages registered, {packaged} packaged, "
    "{quarantined} quarantined, {cancelled} cancelled.",
    "WorkQuarantined": "Set aside at {step}: {where}: {found}. {fix}",
    "ControlDecided": "{action}: {reason}",
}
LONGEST_DETAIL = 4000
FINDING, MAINTENANCE = "log-anomaly", "log-maintenance"
EARLIEST_MICROSECONDS = 1_735_689_600_000_000


@dataclass
class Report:
    """What the comparison found."""

    owed: int = 0
    sealed: int = 0
    missing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    sealing: list[str] = field(default_factory=list)
    """Faults of the sealed records themselves: seq, headers, keys, bytes."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """The sealer's own findings, which no fact owes."""

    def faults(self) -> list[str]:
        """Every fault in one list; empty when the log is what it must be."""
        kinds = ("missing", "surplus", "different", "sealing")
        return [f"{kind}: {what}" for kind in kinds for what in getattr(self, kind)]


def make_id(*parts: object) -> str:
    """Id of these parts (docs/contract.md §1)."""
    return str(uuid5(NS, "\x1f".join(str(part) for part in parts)))


def check(raws: Sequence[Raw]) -> Report:
    """Compare the log in these messages with what the facts in them owe."""
    report = Report()
    report.sealing += _conflicts(raws)
    owed = {event["head"]["event_id"]: event for event in _all_owed(raws)}
    records = [raw for raw in raws if raw.topic == PREMIS]
    report.owed, report.sealed = len(owed), len(records)
    report.sealing += _seal_faults(records) + _not_the_intakes_bytes(raws, records)
    sealed: list[dict[str, Any]] = []
    for raw in records:
        try:
            sealed.append(decoded(raw).body)
        except NotAFact as wrong:
            report.sealing.append(str(wrong))
    places = {make_id("sealer", r.partition, r.offset) for r in raws if r.topic == INTAKE}
    report.findings = [event for event in sealed if _is_finding(event, places)]
    _compare(report, owed, [event for event in sealed if not _is_finding(event, places)])
    return report


def owed_for(fact: Fact) -> list[dict[str, Any]]:
    """The events that a fact owes: the transition, then its acts in order."""
    head = fact.body["head"]
    makers = _makers(head["producer"])
    events = []
    for ordinal, act in enumerate([_transition(fact), *fact.body["acts"]]):
        own = {"event_id": make_id(head["event_id"], "premis", ordinal)}
        events.append(
            {
                "head": _with_worker(head) | own | {"cause_id": head["event_id"]},
                "fact": fact.record,
                "ordinal": ordinal,
                "event_type": act["type"],
                "event_type_uri": URIS[act["type"]],
                "outcome": act["outcome"],
                "code": act["code"],
                "detail": act["detail"],
                "agents": [*makers, *act["agents"]],
                "sources": act["sources"],
                "results": act["results"],
            }
        )
    return events


def _with_worker(head: dict[str, Any]) -> dict[str, Any]:
    # Older schemas have no such field, which says the same as null.
    return head | {"producer": {"worker": None, **head["producer"]}}


def _makers(producer: dict[str, Any]) -> list[dict[str, Any]]:
    program = {"name": producer["name"], "version": producer["version"]}
    agents = [{"type": "software", **program, "role": "executing program"}]
    # Facts of versions before 0.2.0 do not name it.
    if producer.get("worker"):
        worker = {"name": producer["worker"], "version": None}
        agents.append({"type": "software", **worker, "role": "implementer"})
    return agents


def _detail(record: str, body: dict[str, Any]) -> str:
    if record != "WorkDeferred":
        return _texts(body["head"]["producer"]["version"])[record].format_map(body)
    told = f"{body['step']}, attempt {body['attempt']}"
    allowed, due = body.get("attempts_allowed", 0), body.get("next_at")
    if not allowed:
        return f"{told}: {body['why']}"
    if due is None:
        return f"{told} of {allowed}: {body['why']}; it was the last attempt"
    seconds = (due - body["head"]["occurred_at"]).total_seconds()
    instant = due.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{told} of {allowed}: {body['why']}; next attempt in {seconds:.3f} s, at {instant}"


def _texts(version: str) -> dict[str, str]:
    is_before_0_2 = version.partition("+step.")[0].startswith("0.1.")
    return DETAILS_BEFORE_0_2 if is_before_0_2 else DETAILS


def _transition(fact: Fact) -> dict[str, Any]:
    body, head = fact.body, fact.body["head"]
    code, outcome = None, "suc"
    if fact.record == "WorkQuarantined":
        code, outcome = body["code"], "fai"
    elif fact.record == "WorkDeferred":
        code, outcome = f"deferred.{body['error_class']}", "fai"
    elif fact.record == "ControlDecided":
        code, outcome = body["code"], "suc" if body["granted"] else "fai"
    elif fact.record == "FixityChecked" and body["failed"]:
        code, outcome = "fixity.failed", "fai"
    person = body.get("operator") or body.get("by")
    authorizer = {"type": "person", "name": person, "version": None, "role": "authorizer"}
    if head["page_id"]:
        about = f"page:{head['page_id']}"
    else:
        about = (
            f"item:{head['item_id']}" if head["item_id"] else f"batch:{head['batch_id'] or '_none'}"
        )
    return {
        "type": TRANSITIONS[fact.record],
        "outcome": outcome,
        "code": code,
        "detail": _detail(fact.record, body)[:LONGEST_DETAIL],
        "agents": [authorizer] if person else [],
        "sources": [about],
        "results": [f"sha256:{file['sha256']}" for file in body["files"][:20]],
    }


def _all_owed(raws: Iterable[Raw]) -> list[dict[str, Any]]:
    return [event for fact in facts_of(raws).values() for event in owed_for(fact)]


def _is_finding(event: dict[str, Any], places: set[str]) -> bool:
    if event["event_type"] == MAINTENANCE:
        return event["head"]["producer"]["name"] == "copystand/sealer"
    return event["event_type"] == FINDING and event["head"]["event_id"] in places


def _compare(report: Report, owed: dict[str, dict[str, Any]], sealed: list[dict[str, Any]]) -> None:
    counted = Counter(event["head"]["event_id"] for event in sealed)
    by_id = {event["head"]["event_id"]: event for event in sealed}
    for event_id in owed.keys() - counted.keys():
        report.missing.append(_shown(owed[event_id]))
    for event_id, count in counted.items():
        if event_id not in owed:
            report.surplus.append(_shown(by_id[event_id]))
        elif count > 1:
            report.surplus.append(f"{_shown(by_id[event_id])}, {count} times")
    for event in sealed:
        event = event | {"head": _with_worker(event["head"])}
        wanted = owed.get(event["head"]["event_id"])
        if wanted is not None and wanted != event:
            names = [name for name in wanted if wanted[name] != event.get(name)]
            report.different.append(f"{_shown(event)} in {', '.join(names)}")


def _shown(event: dict[str, Any]) -> str:
    head = event["head"]
    subject = head["page_id"] or head["item_id"] or head["batch_id"]
    return f"{event['event_type']} of {event['fact']} {subject}, k={event['ordinal']}, {head['event_id']}"


def _conflicts(raws: Iterable[Raw]) -> list[str]:
    """The same event id with other bytes: the same work gave two answers."""
    values: dict[str, bytes | None] = {}
    wanted = set(FACTS_THAT_OWE)
    return [
        f"{raw.place}: {event_id} stands there with other bytes than before"
        for raw in raws
        if raw.topic in wanted
        and values.setdefault(event_id := decoded(raw).event_id, raw.value) != raw.value
    ]


def _seal_faults(records: Sequence[Raw]) -> list[str]:
    faults, last = [], EARLIEST_MICROSECONDS
    for expected, raw in enumerate(records):
        headers = dict(raw.headers)
        # Only the sealer can check the bytes of its mac, which earlier versions did not write.
        is_mac = len(headers.get("sealer_mac", bytes(16)) or b"") == 16
        needed = {"seq", "sealed_at", "schema_sha256"}
        if (
            len(headers) != len(raw.headers)
            or set(headers) - {"sealer_mac"} != needed
            or not is_mac
        ):
            faults.append(f"{raw.place}: headers {[name for name, _ in raw.headers]}")
            continue
        if headers["seq"] != expected.to_bytes(8, "big"):
            faults.append(f"{raw.place}: seq {headers['seq']!r} where {expected} belongs")
        at = int.from_bytes(headers["sealed_at"] or b"", "big")
        if len(headers["sealed_at"] or b"") != 8 or at < last:
            faults.append(f"{raw.place}: sealed_at {headers['sealed_at']!r} after {last}")
        last = max(last, at)
        try:
            if headers["schema_sha256"] != schema_digest(schema_id_of(raw.value)):
                faults.append(f"{raw.place}: schema_sha256 is not that of the schema it names")
            elif raw.key != decoded(raw).event_id.encode():
                faults.append(f"{raw.place}: key {raw.key!r} is not its event_id")
        except NotAFact as wrong:
            faults.append(f"{raw.place}: {wrong}")
    return faults


def _not_the_intakes_bytes(raws: Iterable[Raw], records: Sequence[Raw]) -> list[str]:
    offered: dict[bytes | None, set[bytes | None]] = {}
    for raw in raws:
        if raw.topic == INTAKE:
            offered.setdefault(raw.key, set()).add(raw.value)
    return [
        f"{raw.place}: other bytes than the intake's"
        for raw in records
        if raw.key in offered and raw.value not in offered[raw.key]
    ]
