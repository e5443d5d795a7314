"""Counts the pages of a batch from the topics, each state by its own measure; stands alone.

Which pages an item has, and which of them are missing, is told by its page list alone: with the
home of the line the lists are read from its store. Without it every registered page is taken as
one with a file."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.reader import FACTS_THAT_OWE, Fact, Raw, facts_of

ACQUIRE = "acquire_page"
ENDS = {
    ACQUIRE: "PageAcquired",
    "derive_page": "PageDerived",
    "recognize_page": "PageRecognized",
    "describe_page": "PageDescribed",
}
"""The fact that says that a step has ended for a page."""
TRACKER = "tracker"
REQUESTED = "digitization.control.requested.v1"
Body = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Where the pages of a batch are."""

    registered: int
    packaged: int
    quarantined: int
    cancelled: int
    in_flight: int

    def holds(self) -> bool:
        """Whether the law of the contract holds."""
        return self.registered == self.packaged + self.quarantined + self.cancelled + self.in_flight


@dataclass(frozen=True)
class Verdict:
    """A granted decision about a quarantine record."""

    action: str
    decision_id: str
    with_file: bool


class Topics:
    """What the topics tell of one batch."""

    def __init__(self, facts: Iterable[Fact], batch_id: str, home: Path | None = None) -> None:
        """From facts of the batch and all of control; those of other batches are passed over."""
        self.batch_id, self.home, facts = batch_id, home, list(facts)
        self.batches: Mapping[str, Topics] = {batch_id: self}
        """Also the others, where an item may have versions from several batches."""
        self.of: dict[str, list[Body]] = defaultdict(list)
        self.about: dict[tuple[str, str | None], list[Body]] = defaultdict(list)
        """Facts by record and item."""
        for fact in facts:
            if fact.body["head"]["batch_id"] == batch_id:
                self.of[fact.record].append(fact.body)
                self.about[fact.record, fact.body["head"]["item_id"]].append(fact.body)
        decided = [one.body for one in facts if one.record == "ControlDecided"]
        asked = {one.event_id: one.body for one in facts if one.record == "ControlRequested"}
        self.granted = [body for body in decided if body["granted"]]
        self.verdicts = _verdicts(self.granted, asked)
        self.stopped = any(
            body["action"] == "cancel" and f"batch:{batch_id}" in body["subjects"]
            for body in self.granted
        )
        # A corrected manifest is the answer to a record, and no request was made.
        for body in self.of["BatchReceived"]:
            if body["release"] and body["head"]["event_id"] not in self.refusals():
                answer = Verdict("release", body["head"]["event_id"], False)
                self.verdicts.setdefault(body["release"], answer)

    def rejected(self, record: Body) -> bool:
        """Whether a quarantine record was answered with no."""
        verdict = self.verdicts.get(record["head"]["event_id"])
        return verdict is not None and verdict.action == "reject"

    def refusals(self) -> dict[str, str]:
        """What the tracker refused as a whole: event_id of that fact, and of its record."""
        return {
            body["origin"]["event_id"]: body["head"]["event_id"]
            for body in self.of["WorkQuarantined"]
            if body["step"] == TRACKER
        }

    @cached_property
    def causes(self) -> set[str]:
        """What an acceptance or registration of this batch must follow from: a submission that
        counts, or the decision to judge it again."""
        counted = {body["head"]["event_id"] for body in self.of["BatchReceived"]}
        counted -= self.refusals().keys()
        again = {
            self.verdicts[body["head"]["event_id"]].decision_id
            for body in self.of["WorkQuarantined"]
            if body["head"]["item_id"] is None
            and body["head"]["event_id"] in self.verdicts
            and body["origin"]["event_id"] in counted
        }
        return counted | again

    def following(self, record: str) -> list[Body]:
        """The facts of a record that follow from what counts."""
        return [body for body in self.of[record] if body["head"]["cause_id"] in self.causes]

    @cached_property
    def registered(self) -> list[Body]:
        """The deliveries of items that were taken."""
        refused, following = self.refusals(), self.following("ItemRegistered")
        return [one for one in following if one["head"]["event_id"] not in refused]

    @cached_property
    def items(self) -> list["Item"]:
        """The items that were taken, each as far as the topics tell of it."""
        return [Item(self, one, self._earlier(one)) for one in self.registered]

    def _earlier(self, registered: Body) -> "Item | None":
        """The version of an item that a delivery replaces."""
        if not replaces_itself(registered):
            return None
        item_id, own = registered["head"]["item_id"], registered["head"]["event_id"]
        versions = sorted(
            (replaces_itself(one), one["head"]["occurred_at"], one["head"]["event_id"], batch_id)
            for batch_id, topics in self.batches.items()
            for one in topics.registered
            if one["head"]["item_id"] == item_id
        )
        place = next(at for at, version in enumerate(versions) if version[2] == own)
        if not place:
            return None
        *_, event_id, batch_id = versions[place - 1]
        topics = self.batches[batch_id]
        body = next(one for one in topics.registered if one["head"]["event_id"] == event_id)
        return Item(topics, body, topics._earlier(body))

    def refused_pages(self) -> dict[str, int]:
        """Pages of deliveries that were refused as a whole, by what counts them."""
        found = {"quarantined": 0, "cancelled": 0}
        pages = {
            one["head"]["event_id"]: one["page_count"] for one in self.following("ItemRegistered")
        }
        for record in self.of["WorkQuarantined"]:
            if record["step"] == TRACKER and record["origin"]["event_id"] in pages:
                state = "cancelled" if self.rejected(record) else "quarantined"
                found[state] += pages[record["origin"]["event_id"]]
        return found


def replaces_itself(registered: Body) -> bool:
    """Whether a delivery names its own item, or one of its packages, as what it replaces."""
    item_id, replaced = registered["head"]["item_id"], registered["replaces"] or ""
    return bool(re.fullmatch(re.escape(item_id) + r"(\.v[0-9]+)?", replaced))


def _verdicts(granted: Sequence[Body], asked: dict[str, Body]) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    for body in granted:
        request = asked.get(body["head"]["cause_id"] or "", {})
        verdict = Verdict(body["action"], body["head"]["event_id"], bool(request.get("files")))
        for subject in body["subjects"]:
            kind, _, name = subject.partition(":")
            if kind == "quarantine":
                found.setdefault(name, verdict)
    return found


class Item:
    """One item of a batch, its pages as far as the topics tell of them."""

    def __init__(self, topics: Topics, registered: Body, earlier: "Item | None" = None) -> None:
        """With the version of the item that this delivery replaces, if there is one."""
        self.item_id: str = registered["head"]["item_id"]
        self.earlier = earlier
        self.revision: int = earlier.revision + 1 if earlier else registered["head"]["revision"]
        self.page_count: int = registered["page_count"]
        self.required = (ACQUIRE, *registered["required_branches"])
        self._topics = topics
        self.records = [body for body in self.about("WorkQuarantined") if body["step"] != TRACKER]
        self.entries = _entries(topics.home, registered, self.item_id)
        self.withdrawn = {page for page, one in self._judged() if one.action == "withdraw"}
        self._corrected = [page for page, one in self._judged() if one.with_file]
        self._done = {
            (step, body["head"]["page_id"], body["head"]["revision"])
            for step, record in ENDS.items()
            for body in self.about(record)
        }
        self.open_steps = self._open_steps()

    def about(self, record: str) -> list[Body]:
        """The facts of a record about this item."""
        return self._topics.about[record, self.item_id]

    def _judged(self) -> list[tuple[str | None, Verdict]]:
        verdicts = self._topics.verdicts
        named = [(body["head"]["page_id"], body["head"]["event_id"]) for body in self.records]
        return [(page, verdicts[name]) for page, name in named if name in verdicts]

    def revision_of(self, page_id: str) -> int:
        """Its first revision is 1, or the one after that of the version before; each corrected file
        opens another."""
        return 1 + self._admitted_before(page_id) + self._corrected.count(page_id)

    def _admitted_before(self, page_id: str) -> int:
        """The last revision of the page in the versions before this one; 0 without any."""
        if self.earlier is None:
            return 0
        admitted = [
            body["head"]["revision"]
            for body in self.earlier.about("PageAdmitted")
            if body["head"]["page_id"] == page_id
        ]
        return max([self.earlier._admitted_before(page_id), *admitted])

    def _open_steps(self) -> dict[str, set[str]]:
        """Pages with an open record that counts, and the steps at which they are stuck."""
        found: dict[str, set[str]] = defaultdict(set)
        for body in self.records:
            head, step = body["head"], body["step"]
            page, revision = head["page_id"], head["revision"]
            if page is None or not body["required"] or page in self.withdrawn:
                continue
            answered = head["event_id"] in self._topics.verdicts
            done = (step, page, revision) in self._done
            if not answered and not done and revision == self.revision_of(page):
                found[page].add(step)
        return found

    def has_ended(self, page_id: str) -> bool:
        """Every required branch has ended for the page's last revision."""
        revision = self.revision_of(page_id)
        return all((step, page_id, revision) in self._done for step in self.required)

    def _at_rest(self, page_id: str) -> bool:
        """Nothing is to come: each required branch has ended or is in quarantine."""
        stuck, revision = self.open_steps.get(page_id, set()), self.revision_of(page_id)
        done = {step for step in self.required if (step, page_id, revision) in self._done}
        return ACQUIRE in stuck or done | stuck >= {*self.required}

    @property
    def packages(self) -> list[Body]:
        """Its packages of this revision; more than one is a fault."""
        published = self.about("PackagePublished")
        return [body for body in published if body["revision"] == self.revision]

    @property
    def completed(self) -> bool:
        """Whether it is past the point of no return."""
        return any(one["head"]["revision"] == self.revision for one in self.about("ItemCompleted"))

    @property
    def cancelled(self) -> bool:
        """Rejected, or cancelled with its batch before it was complete."""
        rejected = any(one["required"] and self._topics.rejected(one) for one in self.records)
        return rejected or (self._topics.stopped and not self.completed)

    @property
    def set_aside(self) -> bool:
        """The item as a whole, or its packaging, is in quarantine."""
        return any(
            body["head"]["page_id"] is None
            and body["required"]
            and body["head"]["revision"] == self.revision
            and body["head"]["event_id"] not in self._topics.verdicts
            for body in self.records
        )

    def with_file(self) -> set[str]:
        """Pages that have, or must have, a file."""
        if self.entries is not None:
            named = {page for page, entry in self.entries.items() if entry["kind"] != "missing"}
        else:
            told = [body for name in ("PageAdmitted", *ENDS.values()) for body in self.about(name)]
            named = {body["head"]["page_id"] for body in told} | set(self.open_steps)
        return named - self.withdrawn

    @property
    def held(self) -> bool:
        """All its pages are at rest and one of them badly."""
        if self.completed or not self.open_steps:
            return False
        pages = self.with_file()
        short = 0 if self.entries is not None else self.page_count - len(self.withdrawn | pages)
        return not short and all(map(self._at_rest, pages))

    def in_flight(self) -> int:
        """Pages for which something is to come; a missing one goes with them."""
        if self.entries is None:
            return self.page_count - len(self.open_steps)
        return sum(page not in self.open_steps for page in self.entries)

    @property
    def state(self) -> str:
        """What counts its pages: packaged, cancelled, quarantined, or running."""
        if self.packages:
            return "packaged"
        if self.cancelled:
            return "cancelled"
        return "quarantined" if self.set_aside or self.held else "running"


def _entries(home: Path | None, registered: Body, item_id: str) -> dict[str, Body] | None:
    """The entries of an item's page list by page_id; None where there is no store to read from."""
    lists = [file for file in registered["files"] if file["use"] == "page-list"]
    if home is None or not lists or not (home / lists[0]["key"]).is_file():
        return None
    pages = json.loads((home / lists[0]["key"]).read_bytes())["pages"]
    return {f"{item_id}:{entry['ref']}": entry for entry in pages}


def counts(raws: Sequence[Raw], batch_id: str, home: Path | None = None) -> Counts:
    """The counts of a batch; all are 0 while it is not accepted. Raises NotAFact."""
    facts = facts_of(raws, (*FACTS_THAT_OWE, REQUESTED)).values()
    topics = Topics(facts, batch_id, home)
    if any(map(replaces_itself, topics.registered)):
        others = {fact.body["head"]["batch_id"] for fact in facts if fact.record == "BatchReceived"}
        link({one: Topics(facts, one, home) for one in others} | {batch_id: topics})
    return counts_of(topics)


def link(batches: Mapping[str, Topics]) -> None:
    """Let each batch know the others, which may have earlier versions of its items."""
    for topics in batches.values():
        topics.batches = batches


def counts_of(topics: Topics) -> Counts:
    """The same, of what was read before."""
    refused = topics.refused_pages()
    packaged = in_flight = 0
    quarantined, cancelled = refused["quarantined"], refused["cancelled"]
    for item in topics.items:
        state = item.state
        if state == "packaged":
            # What the package says of itself: a page that is neither in it nor missing is lost.
            told = item.packages[0]["counts"]
            packaged += told["masters"] + told["missing"]
        elif state == "cancelled":
            cancelled += item.page_count
        elif state == "quarantined":
            quarantined += item.page_count
        else:
            quarantined += len(item.open_steps)
            in_flight += item.in_flight()
    registered = sum(body["page_count"] for body in topics.following("BatchAccepted"))
    return Counts(registered, packaged, quarantined, cancelled, in_flight)
