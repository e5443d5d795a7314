"""The stand-alone reader on planted faults: what is missing, doubled or altered must be told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from processors import premis
from processors.pipeline import facts_with_events
from schemas.catalogue import key_of, topic_of
from schemas.codec import encode, schema_id_of
from schemas.ids import make_id
from schemas.models import (
    Act,
    Agent,
    BatchReceived,
    ControlDecided,
    Head,
    ItemCompleted,
    Origin,
    PremisEvent,
    Record,
    WorkDeferred,
    WorkQuarantined,
)
from schemas.store import schema_store
from tests.support.builders import NOON, a_file, a_head, a_page, restamped
from tests.support.log_check import FINDING, TRANSITIONS, URIS, check
from tests.support.reader import FACTS_THAT_OWE, INTAKE, PREMIS, Raw

AT = 1_800_000_000_000_000
ACTS = (
    Act(
        type="fixity check",
        outcome="suc",
        detail="the digest is the stated one",
        agents=(Agent(type="software", name="sha256", version="1", role="executing program"),),
        sources=("page:vol-1:0001",),
        results=("sha256:" + "ab" * 32,),
    ),
    Act(type="validation", outcome="war", code="page.icc-missing", detail="no ICC profile"),
)
ORIGIN = Origin(topic="t", partition=1, offset=2, key="k", event_id=make_id("an origin"))
WORK = {"step": "acquire_page", "lane": "masters", "work_id": make_id("a work"), "origin": ORIGIN}
DECISION = {"action": "pause", "by": "a-1", "reason": "The lamp is broken."}


def about(number: int, **changes: object) -> Head:
    return a_head(event_id=make_id("fact", number), **changes)


def facts() -> list[Record]:
    """One fact of each kind whose transition is told in a way of its own."""
    batch = {"item_id": None, "page_id": None}
    quarantined = WorkQuarantined(
        head=about(3), required=True, code="page.not-decodable", where="strip 3", found="it is cut",
        fix="Rescan.", attempts=1, files=(a_file("original"),), **WORK,
    )  # fmt: skip
    of_before = WorkDeferred(
        head=about(4), attempt=2, error_class="storage", why="away", value=b"\0", **WORK
    )
    again = {"attempts_allowed": 12, "next_at": NOON + timedelta(seconds=1.5)}
    deferred = of_before.model_copy(update={"head": about(8), **again})
    last = of_before.model_copy(update={"head": about(9), "attempts_allowed": 2})
    refused = ControlDecided(head=about(5, **batch), granted=False, code="batch.over", **DECISION)
    received = BatchReceived(
        head=about(2, **batch), manifest_sha256="cd" * 32, operator="o-17", files=()
    )
    nobodys = quarantined.model_copy(update={"head": about(6, batch_id=None, **batch)})
    item = ItemCompleted(head=about(7, page_id=None), page_count=2, priority="normal")
    return [
        a_page(head=about(1), acts=ACTS),
        received,
        quarantined,
        of_before,
        deferred,
        last,
        refused,
        nobodys,
        item,
    ]


def told(record: Record, offset: int) -> Raw:
    """A fact as it stands on its topic."""
    topic = topic_of(type(record).__name__).name
    return Raw(topic, 0, offset, key_of(record).encode(), encode(record))


def sealed(events: Sequence[PremisEvent]) -> list[Raw]:
    """Events as the sealer writes them."""
    return [
        Raw(
            PREMIS, 0, seq, event.head.event_id.encode(), encode(event),
            (
                ("seq", seq.to_bytes(8, "big")),
                ("sealed_at", (AT + seq).to_bytes(8, "big")),
                ("schema_sha256", schema_store().digest(schema_id_of(encode(event)))),
            ),
        )
        for seq, event in enumerate(events)
    ]  # fmt: skip


def a_line(events: Sequence[PremisEvent] | None = None) -> list[Raw]:
    """The facts, the intake with the events that they owe, and the log with these or others."""
    owed = events_of_all()
    intake = [
        Raw(INTAKE, 0, offset, event.head.event_id.encode(), encode(event))
        for offset, event in enumerate(owed)
    ]
    known = [told(fact, offset) for offset, fact in enumerate(facts())]
    return [*known, *intake, *sealed(owed if events is None else events)]


def events_of_all() -> list[PremisEvent]:
    return [event for fact in facts() for event in premis.events_of(fact)]


def test_a_whole_log_has_no_fault():
    report = check(a_line())

    assert report.faults() == []
    assert report.owed == report.sealed == len(facts()) + len(ACTS)


def test_the_order_of_the_log_and_redelivered_facts_do_not_matter():
    raws = a_line(list(reversed(events_of_all())))
    again = [replace(raw, offset=raw.offset + 100) for raw in raws if raw.topic in FACTS_THAT_OWE]

    assert check([*raws, *again]).faults() == []


@pytest.mark.parametrize("left_out", range(len(events_of_all())))
def test_a_missing_act_is_told(left_out: int):
    events = events_of_all()
    event = events.pop(left_out)

    report = check(a_line(events))

    assert len(report.faults()) == len(report.missing) == 1
    assert event.head.event_id in report.missing[0]


def test_a_doubled_act_is_told():
    events = events_of_all()

    report = check(a_line([*events, events[1]]))

    assert len(report.faults()) == len(report.surplus) == 1
    assert report.surplus[0].endswith("2 times")


def test_an_act_of_no_fact_is_told():
    stranger = events_of_all()[0].model_copy(update={"head": about(99)})

    report = check(a_line([*events_of_all(), stranger]))

    assert len(report.surplus) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "fai"},
        {"code": "page.other"},
        {"detail": "All was well"},
        {"agents": ()},
        {"sources": ()},
        {"results": ("sha256:" + "00" * 32,)},
        {"event_type": "capture"},
        {"event_type_uri": URIS["capture"]},
        {"fact": "PageAcquired"},
        {"ordinal": 7},
    ],
)
def test_an_altered_field_is_told(change: dict[str, object]):
    events = events_of_all()
    events[1] = events[1].model_copy(update=change)

    report = check(a_line(events))

    assert report.different == [line for line in report.different if next(iter(change)) in line]
    assert len(report.different) == 1


def test_an_altered_byte_is_told():
    raws = a_line()
    value = raws[-1].value or b""

    unseen = [
        at
        for at in range(len(value))
        if not check([*raws[:-1], replace(raws[-1], value=altered(value, at))]).faults()
    ]

    assert unseen == []


def altered(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


@pytest.mark.parametrize("header", ["seq", "sealed_at", "schema_sha256"])
def test_a_damaged_or_absent_header_is_told(header: str):
    raws = a_line()
    damaged = tuple(
        (name, b"\0" * 8 if name == header else value) for name, value in raws[-1].headers
    )
    without = tuple(pair for pair in raws[-1].headers if pair[0] != header)

    for headers in (damaged, without):
        assert check([*raws[:-1], replace(raws[-1], headers=headers)]).sealing != []


def test_only_a_mac_of_16_bytes_may_be_beside_the_headers_of_the_seal():
    raws = a_line()
    sealed, *others = [
        [*raws[:-1], replace(raws[-1], headers=(*raws[-1].headers, header))]
        for header in (("sealer_mac", b"m" * 16), ("sealer_mac", b"m" * 15), ("other", b"m" * 16))
    ]

    assert check(sealed).sealing == []
    assert all(check(one).sealing for one in others)


def test_another_key_is_told():
    raws = a_line()

    assert check([*raws[:-1], replace(raws[-1], key=b"other")]).sealing != []


def test_two_answers_of_the_same_work_are_told():
    other = restamped(a_page(acts=ACTS, original_name="other.tif"), event_id=make_id("fact", 1))

    report = check([*a_line(), told(other, 77)])

    assert len(report.sealing) == 1
    assert "other bytes than before" in report.sealing[0]


def test_findings_of_the_sealer_are_counted_apart():
    head = about(0)
    finding = events_of_all()[0].model_copy(
        update={
            "head": head.model_copy(update={"event_id": make_id("sealer", 0, 1)}),
            "event_type": FINDING,
        }
    )
    elsewhere = finding.model_copy(
        update={"head": head.model_copy(update={"event_id": make_id("sealer", 0, 999)})}
    )

    report = check(a_line([*events_of_all(), finding]))
    assert (len(report.findings), report.faults()) == (1, [])
    assert len(check(a_line([*events_of_all(), elsewhere])).surplus) == 1


def test_its_own_tables_and_the_lines_agree():
    owing = {fact.__name__ for fact in facts_with_events()}
    assert set(FACTS_THAT_OWE) == {topic_of(record).name for record in owing}
    assert {label: premis.event_type_uri(label) for label in URIS} == URIS
    assert set(TRANSITIONS) == owing
