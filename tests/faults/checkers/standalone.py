"""The stand-alone checker: reads topics, store and bags, and says what must not be.

It knows the contract and the wire, and imports nothing of the line."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tests.faults.checkers import stored
from tests.faults.checkers.finding import Finding
from tests.faults.checkers.told import Body, Told, told_by
from tests.support import log_check
from tests.support.invariants import ENDS, Topics, counts_of
from tests.support.reader import Raw

CHECKER = "stand-alone"
MOST_ATTEMPTS = 20
"""More than any class of errors allows."""
READ_BY_NOBODY = ("digitization.batch.settled.v1", "digitization.control.decided.v1")
ERRORS = Path(__file__).resolve().parents[3] / "docs" / "errors.md"


def check(
    raws: Sequence[Raw],
    home: Path,
    clean: Mapping[str, str] | None = None,
    *,
    acknowledged: Collection[str] = (),
    spoiled: Collection[str] = (),
    began: float | None = None,
) -> list[Finding]:
    """Every finding on a line at rest. `acknowledged` are batches whose station was told that they
    are taken; `clean` is the content_digest by package of a run without faults; `spoiled` are keys
    that somebody altered on purpose; `began` is when the run began, as time.time."""
    told = told_by(raws, home)
    findings = [
        Finding(CHECKER, f"log.{line.partition(':')[0]}", "audit.premis", line)
        for line in log_check.check(told.sound).faults()
    ]
    for rule in RULES:
        findings += rule(told)
    findings += _acknowledged(told, acknowledged)
    findings += stored.check(told, clean or {}, spoiled, began)
    return findings


def _found(rule: str, where: object, found: object) -> Finding:
    return Finding(CHECKER, rule, str(where), str(found)[:500])


def _acknowledged(told: Told, batches: Collection[str]) -> Iterator[Finding]:
    """What a station was told to be taken is there, and was judged."""
    known = {fact.body["head"]["batch_id"] for fact in told.submitted.values()}
    for batch_id in sorted(set(batches) - known):
        yield _found("submission.lost", batch_id, "acknowledged, and not on the topic")


def _submissions(told: Told) -> Iterator[Finding]:
    """Each submission was taken in, then accepted or refused with a record."""
    causes = {one["head"]["cause_id"] for one in told.of["BatchReceived"]}
    refused = {one["origin"]["event_id"] for one in told.of["WorkQuarantined"]}
    for event_id, fact in told.submitted.items():
        if event_id not in causes | refused:
            yield _found("submission.lost", fact.body["head"]["batch_id"], "nobody took it in")
    for batch_id, topics in told.batches.items():
        answered = {one["head"]["cause_id"] for one in topics.following("BatchAccepted")}
        for body in topics.of["BatchReceived"]:
            received = body["head"]["event_id"]
            if received not in answered | refused:
                yield _found("batch.not-judged", batch_id, received)


def _registrations(told: Told) -> Iterator[Finding]:
    """An accepted batch has all its items, with all its pages."""
    for batch_id, topics in told.batches.items():
        registered = topics.following("ItemRegistered")
        for accepted in topics.following("BatchAccepted"):
            wanted = (accepted["item_count"], accepted["page_count"])
            seen = (len(registered), sum(one["page_count"] for one in registered))
            if wanted != seen:
                yield _found("batch.registrations", batch_id, f"{wanted} announced, {seen} came")


def _law(told: Told) -> Iterator[Finding]:
    for batch_id, topics in told.batches.items():
        counted = counts_of(topics)
        if not counted.holds():
            yield _found("law", batch_id, counted)
        if counted.in_flight:
            running = [item for item in topics.items if item.state == "running"]
            waiting = [page for item in running for page in item.with_file() - {*item.open_steps}]
            found = f"{counted.in_flight} in flight: {sorted(waiting)[:5]}"
            yield _found("page.unended", batch_id, found)
        if topics.following("BatchAccepted"):
            yield from _settlements(batch_id, topics)


def _settlements(batch_id: str, topics: Topics) -> Iterator[Finding]:
    """A batch at rest was told to be so, with its counts; none was told before its time."""
    counted, told = (
        counts_of(topics),
        sorted(topics.of["BatchSettled"], key=lambda one: one["settlement"]),
    )
    for body in told:
        figures = {
            name: body[name] for name in ("registered", "packaged", "quarantined", "cancelled")
        }
        number, *parts = figures.values()
        if number != sum(parts) or number != counted.registered:
            yield _found("settlement.sum", batch_id, f"{figures}, {counted.registered} accepted")
        before = sum(
            one["counts"]["masters"] + one["counts"]["missing"]
            for one in topics.of["PackagePublished"]
            if one["head"]["occurred_at"] <= body["head"]["occurred_at"]
        )
        if body["packaged"] > before:
            yield _found("settlement.early", batch_id, f"{figures}, {before} in packages by then")
    if [one["settlement"] for one in told] != list(range(1, len(told) + 1)):
        yield _found("settlement.number", batch_id, [one["settlement"] for one in told])
    # A record that is rejected later moves its pages from one to the other, and no page is at work.
    now = (counted.packaged, counted.quarantined + counted.cancelled)
    last = (told[-1]["packaged"], told[-1]["quarantined"] + told[-1]["cancelled"]) if told else None
    if not counted.in_flight and last != now:
        yield _found("settlement.lacking", batch_id, f"told {last}, counted {counted}")


def _once(told: Told) -> Iterator[Finding]:
    """What happens once in a revision has one event id."""
    kinds: dict[str, Callable[[Body], object]] = {
        "PageAdmitted": lambda body: (body["head"]["page_id"], body["head"]["revision"]),
        "ItemCompleted": lambda body: (body["head"]["item_id"], body["head"]["revision"]),
        "PackagePublished": lambda body: body["package_id"],
        "CaptureAccepted": lambda body: body["capture_id"],
        "BatchSettled": lambda body: (body["head"]["batch_id"], body["settlement"]),
        "ControlDecided": lambda body: body["head"]["cause_id"],
    }
    for record, subject in kinds.items():
        for about, count in Counter(subject(body) for body in told.of[record]).items():
            if count > 1:
                yield _found("fact.twice", f"{record} {about}", f"{count} event ids")
    for batch_id, topics in told.batches.items():
        if len(topics.following("BatchAccepted")) > 1:
            yield _found("fact.twice", f"BatchAccepted {batch_id}", "more than one counts")


def _completions(told: Told) -> Iterator[Finding]:
    """An item is complete only when every required branch of its pages has ended."""
    for topics in told.batches.values():
        for item in topics.items:
            if not item.completed:
                if item.packages:
                    yield _found("package.uncompleted", item.item_id, "packaged before complete")
                continue
            open_pages = [page for page in sorted(item.with_file()) if not item.has_ended(page)]
            if open_pages:
                yield _found("item.completed-open", item.item_id, open_pages[:5])
            admitted = {one["head"]["page_id"] for one in item.about("PageAdmitted")}
            if item.with_file() - admitted:
                yield _found("page.not-admitted", item.item_id, item.with_file() - admitted)


def _quarantined(told: Told) -> Iterator[Finding]:
    """A record says what, where, why and what to do; its code is explained; the bytes are kept."""
    explained = {
        line[3:].strip().strip("`")
        for line in ERRORS.read_text("utf-8").splitlines()
        if line.startswith("## ")
    }
    for body in told.of["WorkQuarantined"]:
        name = body["head"]["event_id"]
        empty = [key for key in ("code", "where", "found", "fix", "step", "lane") if not body[key]]
        if empty:
            yield _found("quarantine.unexplained", name, f"{', '.join(empty)} empty")
        if body["code"] not in explained:
            yield _found("quarantine.code", name, f"{body['code']!r} has no section in errors.md")
        if body["attempts"] < 1 or not body["origin"]["event_id"]:
            yield _found("quarantine.unexplained", name, "without attempts or origin")
        if not any(file["use"] == "original" for file in body["files"]):
            yield _found("quarantine.original", name, "the bytes are not kept")


def _poison(told: Told) -> Iterator[Finding]:
    """Bytes that are no fact of their topic are set aside untouched."""
    kept = defaultdict(set)
    for body in told.of["WorkQuarantined"]:
        origin = body["origin"]
        place = (origin["topic"], origin["partition"], origin["offset"])
        kept[place] |= {file["sha256"] for file in body["files"] if file["use"] == "original"}
    for raw in told.poison:
        if raw.topic in READ_BY_NOBODY:
            continue
        if stored.digest(raw.value or b"") not in kept[raw.topic, raw.partition, raw.offset]:
            yield _found("poison.lost", raw.place, "no record keeps its bytes")


def _retries(told: Told) -> Iterator[Finding]:
    """A deferral is answered by the next attempt, or by a record after the last."""
    attempts: dict[str, list[int]] = defaultdict(list)
    sent = {headers.get("deferral"): headers for _, headers in told.redone}
    given_up = {one["head"]["cause_id"] for one in told.of["WorkQuarantined"]}
    for body in told.of["WorkDeferred"]:
        name, attempt = body["head"]["event_id"], body["attempt"]
        attempts[body["work_id"]].append(attempt)
        if name not in given_up and name not in sent and not _is_over(told, body["head"]):
            yield _found("retry.lost", name, f"attempt {attempt} of {body['step']}")
        if name in sent and sent[name].get("attempt") != str(attempt + 1):
            yield _found("retry.attempt", name, f"{sent[name]} after attempt {attempt}")
    for work_id, numbers in attempts.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield _found("retry.gap", work_id, f"attempts {sorted(numbers)}")
        if len(numbers) > MOST_ATTEMPTS:
            yield _found("retry.endless", work_id, f"{len(numbers)} attempts")


def _is_over(told: Told, head: Body) -> bool:
    """Whether nobody waits for the subject: it was cancelled, judged, or done after all."""
    topics = told.batches.get(head["batch_id"])
    items = topics.items if topics else []
    for item in items:
        if item.item_id == head["item_id"]:
            page = head["page_id"]
            return item.state != "running" or page is None or item.has_ended(page)
    return True


def _releases(told: Told) -> Iterator[Finding]:
    """Each request was decided; each release without a file was sent to its lane, untouched."""
    answered = {one["head"]["cause_id"] for one in told.of["ControlDecided"]}
    for event_id, fact in told.asked.items():
        if event_id not in answered:
            yield _found("control.unanswered", event_id, fact.body["action"])
    records = {one["head"]["event_id"]: one for one in told.of["WorkQuarantined"]}
    sent = {(headers.get("cause"), headers.get("release")): raw for raw, headers in told.redone}
    for topics in told.batches.values():
        for name, verdict in topics.verdicts.items():
            record = records.get(name)
            if record is None or record["head"]["batch_id"] != topics.batch_id:
                continue
            by_manifest = (
                verdict.decision_id not in told.facts
                or told.facts[verdict.decision_id].record != "ControlDecided"
            )
            if verdict.action != "release" or verdict.with_file or by_manifest:
                continue
            raw = sent.get((verdict.decision_id, name))
            original = next(
                (file["sha256"] for file in record["files"] if file["use"] == "original"), None
            )
            if raw is None:
                yield _found("release.lost", name, f"granted by {verdict.decision_id}, never sent")
            elif stored.digest(raw.value or b"") != original:
                yield _found("release.altered", name, f"{raw.place} is not what was set aside")


def _causes(told: Told) -> Iterator[Finding]:
    """A step's fact follows from a message that was there."""
    known = {*told.facts, *told.submitted, *told.asked}
    known |= {one["origin"]["event_id"] for one in told.of["WorkQuarantined"]}
    for record in (*ENDS.values(), "PackagePublished", "BatchReceived", "BatchAccepted"):
        for body in told.of[record]:
            if body["head"]["cause_id"] not in known:
                yield _found("fact.without-cause", body["head"]["event_id"], record)


RULES: tuple[Callable[[Told], Iterator[Finding]], ...] = (
    _submissions, _registrations, _law, _once, _completions, _quarantined, _poison, _retries,
    _releases, _causes,
)  # fmt: skip
