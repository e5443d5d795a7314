"""Counts the pages of a batch from the topics alone, each state by its own measure; stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.reader import FACTS_THAT_OWE, Raw, facts_of

BRANCHES = {
    "derive_page": "PageDerived",
    "recognize_page": "PageRecognized",
    "describe_page": "PageDescribed",
}
RECORDS = (
    "BatchAccepted",
    "ItemRegistered",
    "ItemCompleted",
    "PackagePublished",
    "PageAcquired",
    "PageDerived",
    "PageRecognized",
    "PageDescribed",
    "WorkQuarantined",
    "ControlDecided",
)


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
class _Item:
    """One item of a batch, its pages as far as the topics tell of them."""

    page_count: int
    completed_count: int | None
    published: bool
    set_aside: bool
    """The item as a whole, or its packaging, is in quarantine."""
    faulty: frozenset[str]
    ended: frozenset[str]

    @property
    def held(self) -> bool:
        """Every page has ended and one of them badly."""
        return bool(self.faulty) and len(self.faulty | self.ended) == self.page_count


def counts(raws: Sequence[Raw], batch_id: str) -> Counts:
    """The counts of a batch. Pages that are `missing`, withdrawals and releases are not met here."""
    bodies = _bodies(raws, batch_id)
    items = {body["head"]["item_id"]: _item(body, bodies) for body in bodies["ItemRegistered"]}
    decisions = bodies["ControlDecided"]
    stopped = any(body["granted"] and body["action"] == "cancel" for body in decisions)
    packaged = quarantined = cancelled = in_flight = 0
    for item in items.values():
        if item.published:
            packaged += item.completed_count or 0
        elif stopped and item.completed_count is None:
            cancelled += item.page_count
        elif item.set_aside or item.held:
            quarantined += item.page_count
        else:
            quarantined += len(item.faulty)
            in_flight += item.page_count - len(item.faulty)
    registered = sum(body["page_count"] for body in bodies["BatchAccepted"])
    return Counts(registered, packaged, quarantined, cancelled, in_flight)


def _bodies(raws: Sequence[Raw], batch_id: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {record: [] for record in RECORDS}
    for fact in facts_of(raws, FACTS_THAT_OWE).values():
        if fact.body["head"]["batch_id"] == batch_id and fact.record in found:
            found[fact.record].append(fact.body)
    return found


def _item(registered: dict[str, Any], bodies: dict[str, list[dict[str, Any]]]) -> _Item:
    item_id = registered["head"]["item_id"]

    def about(record: str) -> list[dict[str, Any]]:
        return [body for body in bodies[record] if body["head"]["item_id"] == item_id]

    bad = [body for body in about("WorkQuarantined") if body["required"]]
    completed = [body["page_count"] for body in about("ItemCompleted")]
    return _Item(
        page_count=registered["page_count"],
        completed_count=completed[0] if completed else None,
        published=bool(about("PackagePublished")),
        set_aside=any(body["head"]["page_id"] is None for body in bad),
        faulty=frozenset(body["head"]["page_id"] for body in bad if body["head"]["page_id"]),
        ended=frozenset.intersection(
            frozenset(body["head"]["page_id"] for body in about("PageAcquired")),
            *(
                frozenset(body["head"]["page_id"] for body in about(BRANCHES[step]))
                for step in registered["required_branches"]
            ),
        ),
    )
