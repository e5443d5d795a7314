"""The order of cause, the headers of a seal, and the bytes of a leaf."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas import ids
from schemas.store import schema_store
from streams.audit.sealed_record import BrokenSeal, Seal, headers_of, leaf, seal_of
from streams.audit.timeline import in_order_of_cause

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DOCS = Path(__file__).parents[4] / "docs" / "audit.md"


def rows_of(
    fact: str, seconds: float, seq: int, acts: int = 0, fact_id: str = "", **subject: Any
) -> list[dict[str, Any]]:
    cause = fact_id or str(uuid4())
    return [
        {
            "seq": seq + ordinal,
            "event_id": uuid4(),
            "cause_id": cause,
            "fact": fact,
            "ordinal": ordinal,
            "occurred_at": NOON + timedelta(seconds=seconds),
            "batch_id": "b",
            "item_id": None,
            "page_id": None,
            "revision": 1,
            **subject,
        }
        for ordinal in range(acts + 1)
    ]


def facts(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['fact']}{row['revision']}.{row['ordinal']}" for row in in_order_of_cause(rows)]


def test_an_effect_never_precedes_its_cause_though_clocks_differ() -> None:
    item = {"item_id": "i"}
    page = {**item, "page_id": "i:1"}
    parts = [
        rows_of("PageAcquired", 1, 60, **page),
        rows_of("BatchReceived", 50, 70),
        rows_of("PageAdmitted", 7, 10, **page),
        rows_of("BatchAccepted", 3, 20),
        rows_of("ItemRegistered", 9, 30, **item),
    ]

    for order in permutations(parts):
        assert facts([row for part in order for row in part]) == [
            "BatchReceived1.0",
            "BatchAccepted1.0",
            "ItemRegistered1.0",
            "PageAdmitted1.0",
            "PageAcquired1.0",
        ]


def test_the_acts_of_a_fact_stay_together() -> None:
    page = {"item_id": "i", "page_id": "i:1"}
    rows = rows_of("PageAcquired", 1, 0, acts=2, **page) + rows_of("PageAdmitted", 1, 5, **page)

    assert facts(rows) == [
        "PageAdmitted1.0",
        "PageAcquired1.0",
        "PageAcquired1.1",
        "PageAcquired1.2",
    ]


def test_a_recapture_follows_the_quarantine_of_the_first_capture() -> None:
    page = {"item_id": "i", "page_id": "i:1"}
    rows = [
        *rows_of("PageAcquired", 30, 9, **page, revision=2),
        *rows_of("PageAdmitted", 20, 8, **page, revision=2),
        *rows_of("ControlDecided", 19, 7, **page),
        *rows_of("WorkQuarantined", 11, 6, **page),
        *rows_of("PageAdmitted", 10, 5, **page),
        *rows_of("ItemRegistered", 1, 1, item_id="i"),
    ]

    assert facts(rows) == [
        "ItemRegistered1.0",
        "PageAdmitted1.0",
        "WorkQuarantined1.0",
        "ControlDecided1.0",
        "PageAdmitted2.0",
        "PageAcquired2.0",
    ]


def test_a_page_is_admitted_again_after_the_decision_of_the_same_time() -> None:
    page = {"item_id": "i", "page_id": "i:1"}
    rows = [
        *rows_of("WorkQuarantined", 25, 6, **page),
        *rows_of("ControlDecided", 19, 7, **page),
        *rows_of("PageAdmitted", 19, 8, **page, revision=2),
    ]

    assert facts(rows) == ["WorkQuarantined1.0", "ControlDecided1.0", "PageAdmitted2.0"]


def test_a_completion_follows_the_facts_of_its_pages_whose_causes_have_a_late_clock() -> None:
    item = {"item_id": "i"}
    page = {**item, "page_id": "i:1"}
    rows = [
        *rows_of("ItemCompleted", 12, 9, **item),
        *rows_of("BatchSettled", 13, 10),
        *rows_of("PageRecognized", 12, 8, **page),
        *rows_of("PageAcquired", 11, 7, **page),
        *rows_of("PageAdmitted", 50, 6, **page),
    ]

    assert facts(rows) == [
        "PageAdmitted1.0",
        "PageAcquired1.0",
        "PageRecognized1.0",
        "ItemCompleted1.0",
        "BatchSettled1.0",
    ]


def test_an_id_shows_the_fact_and_the_decision_that_it_follows_from() -> None:
    page = {"item_id": "i", "page_id": "i:1"}
    acquired, decision = str(uuid4()), str(uuid4())
    first = ids.work_id(acquired, "derive_page")
    again = ids.work_id(acquired, "derive_page", decision)
    rows = [
        *rows_of("PageDerived", 1, 1, fact_id=ids.fact_id(again, "PageDerived"), **page),
        *rows_of("WorkDeferred", 2, 2, fact_id=ids.deferral_id(again, 1), **page),
        *rows_of("ControlDecided", 30, 5, fact_id=decision, **page),
        *rows_of("WorkQuarantined", 9, 3, fact_id=ids.fact_id(first, "WorkQuarantined"), **page),
        *rows_of("PageAcquired", 20, 4, fact_id=acquired, **page),
    ]

    assert facts(rows) == [
        "PageAcquired1.0",
        "WorkQuarantined1.0",
        "ControlDecided1.0",
        "PageDerived1.0",
        "WorkDeferred1.0",
    ]


def test_facts_that_contradict_each_other_are_all_listed() -> None:
    item = {"item_id": "i"}
    page = {**item, "page_id": "i:1"}
    completed = str(uuid4())
    work = ids.work_id(completed, "assemble_package")
    rows = [
        *rows_of("ItemCompleted", 9, 2, fact_id=completed, **item),
        *rows_of("WorkQuarantined", 1, 1, fact_id=ids.fact_id(work, "WorkQuarantined"), **item),
        *rows_of("PageAcquired", 2, 3, **page),
    ]

    assert sorted(facts(rows)) == ["ItemCompleted1.0", "PageAcquired1.0", "WorkQuarantined1.0"]


def test_a_seal_is_read_back_from_its_headers() -> None:
    seal = Seal(258, 1_770_000_000_000_001, sha256(b"schema").digest())

    assert seal_of(headers_of(seal)) == seal


@pytest.mark.parametrize("headers", [None, [], [("seq", b"\0" * 7)], headers_of(Seal(0, 0, b""))])
def test_a_broken_seal_is_refused(headers: Any) -> None:
    with pytest.raises(BrokenSeal):
        seal_of(headers)


def test_the_golden_leaf_of_the_docs() -> None:
    text = DOCS.read_text("utf-8")

    def given(name: str) -> str:
        found = re.search(rf"^{name} += (\S+)$", text, re.MULTILINE)
        assert found, name
        return found[1]

    made = leaf(
        int(given("seq")),
        int(given("sealed_at")),
        bytes.fromhex(given("schema_sha256")),
        bytes.fromhex(given("body")),
    )

    registered = [sha256(one.encode()) for one in schema_store().versions("PremisEvent")]
    assert given("schema_sha256") in [digest.hexdigest() for digest in registered]
    assert made.hex() == given("leaf")
    assert sha256(b"\0" + made).hexdigest() == given("leaf_hash")
