"""The sections of a report on the chain of custody, each made from the events of the item."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from streams.audit.object_names import digest_in, is_file_name
from streams.audit.timeline import Row
from streams.custody.markup import Markup, definitions, element, joined, table
from streams.custody.proofs import LogProofs

OUTCOMES = {"suc": "success", "war": "warning", "fai": "failure"}
CHECKS = (
    "fixity check", "validation", "format identification", "digital signature validation",
    "message digest calculation",
)  # fmt: skip
DECIDED = ("quarantine", "unquarantine", "deferral", "decision", "replication")
WORKER = "implementer"


def day_and_time(moment: datetime) -> str:
    """A time for people, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def summary(item_id: str, rows: Sequence[Row]) -> Markup:
    """The most important facts in a list."""
    outcomes = Counter(row["outcome"] for row in rows)
    pages = {row["page_id"] for row in rows if row["page_id"]}
    packages = [row for row in rows if _is(row, "PackagePublished")]
    answers = [row for row in rows if _is(row, "ReceiptAccepted")]
    batches = sorted({row["batch_id"] for row in rows if row["batch_id"]})
    return definitions(
        (
            ("Item", item_id),
            ("Batch", ", ".join(batches) or "none"),
            ("Delivered by", ", ".join(_senders(rows)) or "not recorded"),
            ("First event", _at(rows, 0)),
            ("Latest event", _at(rows, -1)),
            ("Pages with events", len(pages)),
            ("Events", len(rows)),
            ("Failures recorded", outcomes["fai"]),
            ("Warnings recorded", outcomes["war"]),
            ("Packages", len(packages) or "none yet"),
            ("Answers of a repository", len(answers) or "none yet"),
        )
    )


def delivery(rows: Sequence[Row]) -> Markup:
    """How the item came to the line."""
    received = [row for row in rows if row["fact"] in ("BatchReceived", "CaptureAccepted")]
    registered = [row for row in rows if _is(row, "ItemRegistered")]
    return joined(
        (
            element("p", _names_text(_senders(rows))),
            _events("Delivery and registration", [*received, *registered]),
        )
    )


def checks(rows: Sequence[Row]) -> Markup:
    """The checks by type, with how often they succeeded and the software that made them."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["event_type"] in CHECKS:
            found[row["event_type"]].append(row)
    lines = [
        (kind, len(of_kind), *(_count(of_kind, one) for one in OUTCOMES), _programs(of_kind))
        for kind, of_kind in found.items()
    ]
    heads = ("Check", "Number", "Success", "Warning", "Failure", "Software")
    kinds = ("", "number", "number", "number", "number")
    return table("Checks of this item and its pages", heads, lines, kinds)


def troubles(rows: Sequence[Row]) -> Markup:
    """Whatever did not succeed at once, and what was decided and done about it."""
    found = [row for row in rows if _is_trouble(row)]
    if not found:
        return element("p", "No failure, warning or decision is recorded.")
    return _events("Failures, warnings and decisions, causes first", found)


def _is_trouble(row: Row) -> bool:
    again = row["fact"] == "PageAdmitted" and row["revision"] > 1
    return bool(row["outcome"] != "suc" or row["event_type"] in DECIDED or again)


def steps(rows: Sequence[Row]) -> Markup:
    """Every event, causes first."""
    return _events("All events, causes before effects", rows)


def files(rows: Sequence[Row]) -> Markup:
    """Each file that a step made or stored, with the events that name it."""
    made: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in row["results"]:
            if is_file_name(name):
                made[name].append(row)
    lines = [
        (
            element("span", digest_in(name), class_="digest"),
            ", ".join(dict.fromkeys(row["event_type"] for row in of_file)),
            ", ".join(dict.fromkeys(_subject(row) for row in of_file)),
            ", ".join(str(row["seq"]) for row in of_file),
        )
        for name, of_file in made.items()
    ]
    return table("Files by SHA-256", ("SHA-256", "Made by", "About", "Events"), lines)


def packages(rows: Sequence[Row]) -> Markup:
    """The packages of the item, and what repositories answered."""
    found = [row for row in rows if row["fact"] in ("PackagePublished", "ReceiptAccepted")]
    if not found:
        return element("p", "No package was published yet.")
    return _events("Packages and answers", found)


def fixity(rows: Sequence[Row]) -> Markup:
    """The fixity checks so far."""
    found = [row for row in rows if row["event_type"] == "fixity check"]
    if not found:
        return element("p", "No fixity check is recorded.")
    bad = _count(found, "fai")
    last = max(row["occurred_at"] for row in found)
    words = f"{_number(len(found), 'fixity check')}, {_number(bad, 'failure')}, the last one on"
    return joined((element("p", f"{words} {day_and_time(last)}."), _events("Fixity checks", found)))


def proof(item_id: str, proofs: LogProofs, rows: Sequence[Row]) -> Markup:
    """The checkpoint, the hash of each event, and how to check both."""
    uncovered = [str(row["seq"]) for row in rows if row["seq"] >= proofs.checkpoint.size]
    lines = [
        (one.seq, element("span", one.leaf_hash.hex(), class_="digest")) for one in proofs.events
    ]
    left = f"Not covered by this checkpoint yet: events {', '.join(uncovered)}."
    return joined(
        (
            element("p", PROOF),
            element("h3", "Signed checkpoint"),
            element("pre", proofs.checkpoint.encode().decode()),
            element("h3", "Public keys of the log"),
            element("pre", "\n".join(proofs.keys)),
            element("p", left, class_="warning") if uncovered else "",
            element("h3", "How to check"),
            element("p", "On the line's machine, write the events of this item with their proofs:"),
            element("pre", f"copystand audit export --item {item_id} evidence"),
            element("p", CHECK),
            element("pre", "python3 evidence/verify.py"),
            element("p", COMPARE),
            table("Hash of each event", ("Event", "Leaf hash (RFC 6962)"), lines, ("number",)),
            element(
                "details",
                element("summary", "Inclusion proofs, for software"),
                element("pre", "\n\n".join(one.text for one in proofs.events), id="proofs"),
            ),
        )
    )


PROOF = (
    "Each event was sealed: it got the next number in a log to which events can only be added. A"
    " checkpoint is a signed statement of the length of that log and of one hash that all its"
    " events determine. If an event were changed, removed or inserted, that hash would differ. The"
    " proofs in this document were computed from the log and checked when the document was made."
)
CHECK = (
    "On any machine with Python and openssl, check them. The program prints “ok”, or the first"
    " event that is not as it was sealed:"
)
COMPARE = (
    "The file evidence/entries.jsonl has the events in full. Compare the checkpoint above with the"
    " one that an auditor keeps as a witness (copystand audit witness)."
)
TERMS = (
    "Event: something that a program or a person did, recorded with its outcome. Its number is its"
    " place in the sealed log of the line. The numbers between belong to other items.",
    "Times are those of the program that did the work, in UTC. The order is that of cause and"
    " effect, so a wrong clock does not change it.",
    "Persons are pseudonyms such as p-4. The institution keeps their names outside of the log. A"
    " name such as worker-7c1f09ae is the pseudonym of a machine and program.",
    "SHA-256: a number computed from all bytes of a file. Two files with the same SHA-256 have the"
    " same bytes.",
    "Fixity check: the SHA-256 of a file was computed again and compared with the recorded one.",
    "Quarantine: work on a page or file stopped until a person decided.",
    "This document states what the line recorded. It does not state what happened before delivery,"
    " or after the package left the line, except for the answers of a repository above.",
)


def terms() -> Markup:
    """What the words and columns mean, and what the document does not show."""
    return element("ul", *(element("li", one) for one in TERMS))


def _events(caption: str, rows: Iterable[Row]) -> Markup:
    heads = ("Event", "Time (UTC)", "About", "What", "Outcome", "Who and with what", "Details")
    lines = [
        (
            row["seq"],
            f"{row['occurred_at'].astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            _subject(row),
            row["event_type"],
            _outcome(row),
            ", ".join(_agents(row)),
            row["detail"],
        )
        for row in rows
    ]
    return table(caption, heads, lines, ("number", "", "", "word", "", "", "details"))


def _outcome(row: Row) -> Markup:
    word = OUTCOMES.get(row["outcome"], row["outcome"])
    content = f"{word}: {row['code']}" if row["code"] else word
    kinds = {"fai": "bad", "war": "warning"}
    kind = kinds.get(row["outcome"])
    return element("span", content, **({"class_": kind} if kind else {}))


def _agents(row: Row) -> list[str]:
    return list(dict.fromkeys(_agent(agent) for agent in row["agents"]))


def _agent(agent: dict[str, Any]) -> str:
    version = f" {agent['version']}" if agent.get("version") else ""
    return f"{agent['name']}{version}"


def _programs(rows: Iterable[Row]) -> str:
    return ", ".join(
        dict.fromkeys(
            _agent(agent)
            for row in rows
            for agent in row["agents"]
            if agent["type"] == "software" and agent["role"] != WORKER
        )
    )


def _senders(rows: Iterable[Row]) -> list[str]:
    """Persons and organizations that delivered."""
    return list(
        dict.fromkeys(
            f"{agent['name']} ({agent['type']})"
            for row in rows
            if row["fact"] in ("BatchReceived", "CaptureAccepted")
            for agent in row["agents"]
            if agent["type"] in ("person", "organization")
        )
    )


def _names_text(senders: Sequence[str]) -> str:
    return f"Delivered by: {', '.join(senders)}." if senders else "The log names no sender."


def _subject(row: Row) -> str:
    return str(row["page_id"] or row["item_id"] or row["batch_id"] or "")


def _is(row: Row, record: str) -> bool:
    """Whether the row is the transition of a record."""
    return bool(row["fact"] == record and row["ordinal"] == 0)


def _at(rows: Sequence[Row], place: int) -> str:
    times = sorted(row["occurred_at"] for row in rows)
    return day_and_time(times[place]) if times else "none"


def _count(rows: Iterable[Row], outcome: str) -> int:
    return sum(row["outcome"] == outcome for row in rows)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
