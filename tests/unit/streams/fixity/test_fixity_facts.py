"""What the facts about failed and restored objects say."""

from typing import Any

import pytest

from processors.premis import events_of
from schemas.models import Producer
from streams.fixity.copies import Wanted
from streams.fixity.fixity_facts import Failure, Subject, failure_fact, restored_fact, restored_id
from tests.support.builders import NOON

DIGEST = "ab" * 32
MADE_BY = Producer(name="copystand/fixity", version="1")
ITEM = Subject("b-1", "vol-1")


def wanted(area: str = "masters", digest: str = DIGEST) -> Wanted:
    return Wanted(f"{area}/sha256/ab/{DIGEST}", digest, 12, "image/tiff")


def failure(of: Wanted, **changes: Any) -> Failure:
    about: dict[str, Any] = {
        "wanted": of,
        "code": "object.missing",
        "found": "the store does not have it",
        "use": "master",
        "page_id": "vol-1:0001",
        "copies": [],
        "repositories": [],
    }
    return Failure(**(about | changes))


def record(one: Failure) -> Any:
    return failure_fact("a-run", ITEM, one, NOON, MADE_BY)


def test_a_failure_is_a_record_of_its_item_and_an_event_that_links_the_object():
    fact = record(failure(wanted(), copies=["staging/x", "package vol-1.v1, y"]))

    transition, check = events_of(fact)
    assert (fact.head.item_id, fact.head.page_id, fact.required) == ("vol-1", None, False)
    assert fact.where == f"master of page vol-1:0001: masters/sha256/ab/{DIGEST}"
    assert fact.found.endswith("The same bytes are in: staging/x; package vol-1.v1, y")
    assert f"copystand fixity restore {DIGEST}" in fact.fix
    assert (transition.event_type, transition.code) == ("quarantine", "object.missing")
    assert (check.event_type, check.outcome, check.code) == (
        "fixity check",
        "fai",
        "object.missing",
    )
    assert check.sources == (f"sha256:{DIGEST}", "page:vol-1:0001")


@pytest.mark.parametrize(
    ("area", "fix"),
    [
        ("masters", "Get the file from a backup or from a repository"),
        ("derivatives", "Restore the master first if it failed, then the derivative"),
        ("packages", "Restore the objects of the item first, then the package"),
        ("receipts/records", "Get the file from a backup or from a repository"),
        ("receipts/b-1", "If this makes other bytes, nothing is changed"),
    ],
)
def test_without_a_copy_the_record_says_what_is_left_to_do(area: str, fix: str):
    fact = record(failure(wanted(area), repositories=["archive (accepted vol-1.v1)"]))

    assert "Repositories with the package: archive (accepted vol-1.v1)" in fact.found
    assert fix in fact.fix
    assert DIGEST in fact.fix


def test_a_receipt_without_a_known_digest_cannot_be_restored_by_it():
    fact = record(failure(wanted("receipts/b-1", ""), page_id=None))

    _, check = events_of(fact)
    assert "the next run closes the record" in fact.fix
    assert check.sources == ("item:vol-1",)


def test_the_id_of_a_failure_is_that_of_its_run_and_object():
    assert record(failure(wanted())).head.event_id == record(failure(wanted())).head.event_id
    other = failure_fact("another-run", ITEM, failure(wanted()), NOON, MADE_BY)
    assert other.head.event_id != record(failure(wanted())).head.event_id


def test_a_repair_names_source_person_and_reason_and_closes_its_record():
    about = (wanted(), "a-record", ITEM, "staging/x", "p-4", "disk replaced")
    fact = restored_fact(*about, NOON, MADE_BY)

    replication, check, release = events_of(fact)
    assert fact.head.event_id == restored_id("a-record")
    assert replication.results == (f"sha256:{DIGEST}",)
    assert "Source: staging/x. disk replaced" in replication.detail
    assert {agent.name for agent in replication.agents} >= {"p-4", "copystand/fixity"}
    assert [one.event_type for one in (check, release)] == ["fixity check", "unquarantine"]
    assert {one.outcome for one in (replication, check, release)} == {"suc"}
