"""`copystand audit` on a real database: histories of pages, items and batches."""

import json
from pathlib import Path

import psycopg
import pytest
from lxml import etree

from infra.paths import cache_folder
from streams import free_texts
from tests.support.audit_log import WHEN
from tests.support.audit_story import REASON, history, run
from tests.support.parts import Parts

HISTORY_OF_A_PAGE = [
    "BatchReceived submission receipt",
    "BatchAccepted validation",
    "ItemRegistered registration",
    "PageAdmitted admission",
    "PageAcquired ingestion",
    "PageAcquired fixity check",
    "PageRecognized transcription",
    "ItemCompleted completion",
    "PackagePublished information package creation",
]


@pytest.mark.parametrize("name", ["i-1:0001", "i-1:2r"])
def test_prints_the_history_of_a_page_by_ref_or_label(audited: Path, name: str) -> None:
    result = run(audited, "page", name, "--json")

    assert (result.exit_code, history(result)) == (0, HISTORY_OF_A_PAGE)


def test_has_the_keys_of_the_contract(audited: Path) -> None:
    document = json.loads(run(audited, "page", "i-1:0001", "--json").stdout)

    wanted = "seq event_id cause_id event_type occurred_at outcome code detail agents objects"
    assert set(wanted.split()) <= set(document[4])
    assert document[4]["seq"] == 2
    assert document[4]["objects"] == ["page:i-1:0001", "sha256:" + "ab" * 32]
    assert document[4]["occurred_at"] == "2026-05-04T09:30:04.250000Z"


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (("--state", "fai"), 0),
        (("--state", "suc"), 9),
        (("--batch", "b-2"), 0),
        (("--item", "I-1"), 7),
        (("--code", "page.not-decodable"), 0),
        (("--since", "2026-05-04T09:30:06Z"), 3),
        (("--limit", "2"), 2),
    ],
)
def test_a_history_is_filtered(audited: Path, filter: tuple[str, str], found: int) -> None:
    result = run(audited, "page", "i-1:0001", "--json", *filter)

    assert (result.exit_code, len(json.loads(result.stdout))) == (0, found)


def test_prints_the_history_of_a_page_that_is_not_admitted_yet(audited: Path) -> None:
    result = run(audited, "page", "i-1:0003", "--json")

    assert history(result)[:3] == HISTORY_OF_A_PAGE[:3]


def test_refuses_an_ambiguous_label_with_the_candidates(audited: Path) -> None:
    result = run(audited, "page", "i-1:plate")

    assert result.exit_code == 2
    assert "i-1:0002, i-1:0003" in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [("page", "i-1:9999"), ("item", "i-9"), ("batch", "b-9")])
def test_an_unknown_id_exits_with_1(audited: Path, words: tuple[str, str]) -> None:
    result = run(audited, *words, "--json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert words[1] in result.stderr


def test_prints_the_history_of_an_item_and_of_a_batch(audited: Path) -> None:
    item, batch = run(audited, "item", "i-1", "--json"), run(audited, "batch", "b-1", "--json")

    assert len(history(item)) == 11
    assert sorted(history(batch)) == sorted([*history(item), "BatchSettled settlement"])


def test_writes_valid_premis(audited: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.xml"

    result = run(audited, "page", "i-1:0001", "--premis", str(target))

    assert result.exit_code == 0
    assert "fixity check" in result.stdout
    document = etree.parse(str(target))
    assert len(document.findall("{*}event")) == 9
    assert "".join(document.find("{*}agent/{*}agentName").itertext()) == "sha256"
    schema = cache_folder() / "standards" / "premis-3-0.xsd"
    if not schema.exists():
        pytest.skip("run: make standards")
    from processors.xml.validate import validate

    assert validate(document.getroot(), schema.parent) == []


def test_a_home_that_is_not_running_exits_with_3(tmp_path: Path) -> None:
    assert run(tmp_path, "page", "i-1:0001").exit_code == 3


COMMANDS = [
    ("page", "i-1:0001"), ("item", "i-1"), ("batch", "b-1"), ("events",), ("object", "ab" * 32),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_gives_no_answer_while_sealed_events_are_not_projected(
    audited: Path, parts: Parts, words: tuple[str, str]
) -> None:
    set_reason = "UPDATE audit.projector_position SET waits_for = %s"
    with psycopg.connect(parts.dsn("projector"), autocommit=True) as connection:
        connection.execute(set_reason, ["the log has a gap: seq 11 is missing"])
        result = run(audited, *words, "--json")
        connection.execute(set_reason, [None])

    assert (result.exit_code, result.stdout) == (3, "")
    assert "log.projection-incomplete: the log has a gap: seq 11 is missing" in result.stderr
    assert run(audited, *words, "--json").exit_code == 0


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_gives_no_answer_while_the_table_has_a_row_of_another_hand(
    audited: Path, parts: Parts, words: tuple[str, str]
) -> None:
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE forged AS SELECT * FROM audit.events WHERE seq = 0")
        connection.execute("UPDATE forged SET seq = 900, detail = 'forged'")
        connection.execute("INSERT INTO audit.events SELECT * FROM forged")
        result = run(audited, *words, "--json")
        connection.execute("SELECT audit.move_foreign_rows()")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "seq 900 was not written by the projector" in result.stderr
    assert run(audited, *words, "--json").exit_code == 0


def test_a_reason_is_shown_while_it_is_stored_as_it_was_written(
    audited: Path, parts: Parts, stored_reason: str, tmp_path: Path
) -> None:
    def shown() -> tuple[int, str, dict[str, object]]:
        people, machine = run(audited, "batch", "b-7"), run(audited, "batch", "b-7", "--json")
        (event,) = json.loads(machine.stdout)
        assert event["detail"] == f"pause: {stored_reason}"
        assert people.exit_code == machine.exit_code
        (text,) = event["texts"] or [{}]
        return people.exit_code, " ".join(people.stdout.split()), {**text, **event}

    code, people, event = shown()
    assert (code, event["text"], event["differs"]) == (0, REASON, None)
    assert f"pause: {REASON}" in people

    written = tmp_path / "history.xml"
    run(audited, "batch", "b-7", "--premis", str(written))
    assert stored_reason in written.read_text() and "Muster" not in written.read_text()

    with psycopg.connect(parts.dsn("tracker"), autocommit=True) as connection:
        connection.execute("UPDATE people.texts SET text = 'the lamp is broken'")
        code, people, event = shown()
        assert (code, event["changed"]) == (1, True)
        assert event["differs"] == f"has the digest of another text: {stored_reason}"

        free_texts.delete(connection, stored_reason, WHEN, "e-1")
        code, people, event = shown()
        assert (code, event["text"], event["deletion_id"]) == (0, None, "e-1")
        assert f"pause: [text deleted on {WHEN:%Y-%m-%d}]" in people

        connection.execute("DELETE FROM people.texts")
        code, people, event = shown()
        assert (code, event["texts"]) == (0, [])
        assert f"[text {stored_reason[17:25]} is not stored here]" in people
