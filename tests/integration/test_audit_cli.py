"""`copystand audit` on a real database."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from lxml import etree
from psycopg.sql import SQL, Identifier

from infra.paths import cache_folder
from processors.premis import event_type_uri
from schemas.codec import encode
from schemas.ids import make_id, premis_id
from schemas.models import PremisEvent
from streams import free_texts
from streams.audit.event_search import Question, search_plan
from streams.audit.sealed_record import Seal, schema_digest
from streams.audit.standing import Standing
from streams.cli.main import cli
from streams.projector.rows import copy_in, row_of
from tests.support.audit_log import WHEN, an_event, fresh_projection
from tests.support.parts import Parts

BATCH = {"batch_id": "b-1", "item_id": None, "page_id": None}
ITEM = {"batch_id": "b-1", "item_id": "i-1", "page_id": None}
PAGE = {"batch_id": "b-1", "item_id": "i-1", "page_id": "i-1:0001"}
OTHER = {"batch_id": "b-1", "item_id": "i-1", "page_id": "i-1:0002"}
SEALED_AT = 1_770_000_000_000_000
"""When the first event was sealed, 2026-02-02T02:40:00Z; the others follow in seconds."""
DECIDED = {"batch_id": "b-7", "item_id": None, "page_id": None}
REASON = "Frau Muster has asked for it"
STORY = [
    ("PageAdmitted", "admission", PAGE, 3),
    ("BatchReceived", "submission receipt", BATCH, 0),
    ("PageAcquired", "ingestion", PAGE, 4),
    ("ItemRegistered", "registration", ITEM, 2),
    ("BatchAccepted", "validation", BATCH, 1),
    ("PageAcquired", "ingestion", OTHER, 5),
    ("PackagePublished", "information package creation", ITEM, 8),
    ("PageRecognized", "transcription", PAGE, 6),
    ("ItemCompleted", "completion", ITEM, 6),
    ("BatchSettled", "settlement", BATCH, 9),
]


def events_of(
    record: str, kind: str, subject: dict[str, str | None], seconds: int
) -> list[PremisEvent]:
    fact = make_id("cli", record, str(subject["page_id"]))
    when = WHEN + timedelta(seconds=seconds)
    events = []
    for ordinal, label in enumerate([kind, "fixity check"] if record == "PageAcquired" else [kind]):
        event_id = premis_id(fact, ordinal)
        event = an_event(0, event_id=event_id, cause_id=fact, occurred_at=when, **subject)
        change = {"fact": record, "event_type": label, "ordinal": ordinal}
        uri = event_type_uri(label)
        events.append(event.model_copy(update=change | {"event_type_uri": uri}))
    return events


@pytest.fixture(scope="module")
def reference(parts: Parts) -> Iterator[str]:
    """The reference to a text that is stored."""
    with psycopg.connect(parts.dsn("tracker")) as connection:
        reference = free_texts.put(connection, REASON, "p-4")
    yield reference
    with psycopg.connect(parts.dsn("tracker")) as connection:
        connection.execute("DELETE FROM people.texts")


@pytest.fixture(scope="module")
def home(parts: Parts, reference: str) -> Iterator[Path]:
    fresh_projection(parts.dsn())
    rows = []
    (decision,) = events_of("ControlDecided", "decision", DECIDED, 10)
    events = [event for part in STORY for event in events_of(*part)]
    for event in [*events, decision.model_copy(update={"detail": f"pause: {reference}"})]:
        value = encode(event)
        sealed_at = SEALED_AT + 1_000_000 * len(rows)
        rows.append(row_of(Seal(len(rows), sealed_at, schema_digest(value)), value))
    with psycopg.connect(parts.dsn("projector")) as connection:
        copy_in(connection.cursor(), rows)
        connection.execute("UPDATE audit.projector_position SET last_seq = %s", [len(rows) - 1])
    with psycopg.connect(parts.dsn()) as connection:
        connection.execute(LINE)
    yield parts.home
    with psycopg.connect(parts.dsn()) as connection:
        connection.execute(LINE_AWAY)


LINE = """
INSERT INTO line.batches (batch_id) VALUES ('b-1');
INSERT INTO line.items (item_id, item_key, batch_id, registered_id, registered_at, revision, page_count,
    required, page_list, profile) VALUES ('i-1', 'i-1', 'b-1', 'r', now(), 1, 4, '{}', '{}', '{}');
INSERT INTO line.pages (page_id, item_id, batch_id, ref, sequence, kind, revision, entry) VALUES
    ('i-1:0001', 'i-1', 'b-1', '0001', 1, 'page', 1, '{"labels": ["1v", "2r"]}'),
    ('i-1:0002', 'i-1', 'b-1', '0002', 2, 'page', 1, '{"labels": ["plate"]}'),
    ('i-1:0003', 'i-1', 'b-1', '0003', 3, 'page', 1, '{"labels": ["plate", "0001"]}');
"""
LINE_AWAY = """
DELETE FROM line.pages WHERE item_id = 'i-1'; DELETE FROM line.items WHERE item_id = 'i-1';
DELETE FROM line.batches WHERE batch_id = 'b-1';
"""


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["audit", *words], env={"COPYSTAND_HOME": str(home)})


def history(result: Result) -> list[str]:
    return [f"{event['fact']} {event['event_type']}" for event in json.loads(result.stdout)]


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
def test_prints_the_history_of_a_page_by_ref_or_label(home: Path, name: str) -> None:
    result = run(home, "page", name, "--json")

    assert (result.exit_code, history(result)) == (0, HISTORY_OF_A_PAGE)


def test_has_the_keys_of_the_contract(home: Path) -> None:
    document = json.loads(run(home, "page", "i-1:0001", "--json").stdout)

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
def test_a_history_is_filtered(home: Path, filter: tuple[str, str], found: int) -> None:
    result = run(home, "page", "i-1:0001", "--json", *filter)

    assert (result.exit_code, len(json.loads(result.stdout))) == (0, found)


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ((), [*range(13)]),
        (("--type", "fixity check"), [3, 7]),
        (("--type", "quarantine"), []),
        (("--agent", "sha256"), [*range(13)]),
        (("--agent", "sha256 1"), [*range(13)]),
        (("--agent", "sha256 2"), []),
        (("--agent", "copystand/acquire_page"), []),
        (("--outcome", "suc", "--type", "ingestion"), [2, 6]),
        (("--outcome", "fai"), []),
        (("--code", "page.not-decodable"), []),
        (("--batch", "b-1", "--type", "settlement"), [11]),
        (("--batch", "b-2"), []),
        (("--item", "i-1", "--type", "registration"), [4]),
        (("--since", "2026-05-04T09:30:06Z", "--until", "2026-05-04T09:30:08.25Z"), [9, 10]),
        (("--since", "2026-05-04T11:30:08.25+02:00"), [8, 11, 12]),
        (("--until", "2026-05-04"), []),
        (("--after", "9"), [10, 11, 12]),
        (("--as-of", "2026-02-02T02:40:01.5"), [0, 1]),
        (("--as-of", "2026-02-02T02:39:59Z"), []),
        (("--as-of", "2026-02-02T03:40:02+01:00"), [0, 1, 2]),
    ],
)
def test_events_are_searched(home: Path, asked: tuple[str, ...], seqs: list[int]) -> None:
    result = run(home, "events", "--json", *asked)

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert sorted(event["seq"] for event in document["events"]) == seqs
    assert document["more"] is False


def test_events_are_in_order_of_cause(home: Path) -> None:
    document = json.loads(run(home, "events", "--item", "i-1", "--json").stdout)

    facts = [event["fact"] for event in document["events"]]
    assert [*dict.fromkeys(facts)] == [
        "ItemRegistered", "PageAdmitted", "PageAcquired", "PageRecognized", "ItemCompleted",
        "PackagePublished",
    ]  # fmt: skip


def test_an_answer_that_is_cut_says_so_and_how_to_go_on(home: Path) -> None:
    first = run(home, "events", "--limit", "5", "--json")
    rest = run(home, "events", "--after", "4", "--json")

    words = " ".join(first.stderr.split())
    assert "More events match. Shown: the first 5." in words and "--after 4" in words
    assert json.loads(first.stdout)["more"] is True
    shown = [json.loads(one.stdout)["events"] for one in (first, rest)]
    assert sorted(event["seq"] for part in shown for event in part) == [*range(13)]
    assert "More events" not in rest.stderr
    assert "Shown: 2 of 9 events" in run(home, "page", "i-1:0001", "--limit", "2").stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("events", "--since", "yesterday"), "'yesterday' is not a date or time such as"),
        (("events", "--until", "2026-13-01"), "'2026-13-01' is not a date or time"),
        (("page", "i-1:0001", "--as-of", "0001-01-01T00:00+14:00"), "is not a date or time"),
        (("events", "--since", "2026-05-05", "--until", "2026-05-05"), "--since is not before"),
        (("events", "--type", "fixity"), "'fixity' is not one of"),
        (("events", "--limit", "0"), "0 is not in the range"),
        (("events", "--csv", "--json"), "give either --json or --csv"),
        (("object", "abc"), "abc is not a SHA-256"),
    ],
)
def test_a_value_that_cannot_be_used_is_wrong_usage(
    home: Path, words: tuple[str, ...], found: str
) -> None:
    result = run(home, *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert found in " ".join(result.stderr.split())


def test_a_history_as_of_a_time_has_what_was_sealed_then(home: Path) -> None:
    then = run(home, "page", "i-1:0001", "--json", "--as-of", "2026-02-02T02:40:04Z")
    before = run(home, "page", "i-1:0001", "--json", "--as-of", "2026-02-02T02:39:00Z")

    assert [event["seq"] for event in json.loads(then.stdout)] == [1, 4, 0, 2, 3]
    assert "As of 2026-02-02T02:40:04.000000Z: events up to seq 4" in then.stderr
    assert (before.exit_code, before.stdout) == (1, "")
    assert "at 2026-02-02T02:39:00.000000Z" in " ".join(before.stderr.split())


def test_csv_has_a_heading_and_a_row_for_each_event_with_its_agents(home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(home, "item", "i-1", "--csv").stdout)))

    assert len(rows) == 11
    assert rows[0]["event_type"] == "submission receipt"
    assert {row["agents"] for row in rows} == {"sha256 1 (executing program)"}
    assert rows[-1]["results"] == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "words", [("page", "i-1:0001"), ("item", "i-1"), ("batch", "b-1"), ("events",)]
)
def test_every_table_names_the_agents(home: Path, words: tuple[str, ...]) -> None:
    shown = run(home, *words).stdout

    assert shown.count("by sha256 1") == shown.count(" suc ") > 5


def test_the_history_of_a_file_has_its_checks_and_the_packages_of_its_item(home: Path) -> None:
    result = run(home, "object", "AB" * 32, "--json")

    document = json.loads(result.stdout)
    assert document["object"] == "sha256:" + "ab" * 32
    assert len(document["events"]) == 13
    assert [event["seq"] for event in document["checks"]] == [3, 7]
    assert [event["fact"] for event in document["packages"]] == ["PackagePublished"]
    assert (
        "Fixity checks of it, or of the files of its item: 2"
        in run(home, "object", "ab" * 32).stdout
    )
    assert run(home, "object", "cd" * 32).exit_code == 1


def test_only_the_partitions_of_the_time_are_read(home: Path, parts: Parts) -> None:
    full = "INSERT INTO audit.time_ranges VALUES (%s, %s, %s, %s)"
    with psycopg.connect(parts.dsn()) as connection:
        connection.execute("UPDATE audit.projector_position SET last_seq = 2500000")
        connection.execute("SELECT audit.make_partitions()")
        for number in (0, 1):
            day = datetime(2026, 6, 1 + number, tzinfo=UTC)
            end = 1_000_000 * (number + 1) - 1
            connection.execute(full, [1_000_000 * number, end, day, day + timedelta(hours=23)])
        since, until = datetime(2026, 6, 2, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC)
        holds = Standing(2_500_000, 2_500_000)
        plans = [
            search_plan(connection, question, holds)
            for question in (
                Question(outcome="fai"),
                Question(outcome="fai", since=since, until=until),
                Question(since=until),
                Question(until=until - timedelta(days=1)),
            )
        ]
        connection.rollback()

    read = [sorted(set(re.findall(r"on events_00000(\d)", plan))) for plan in plans]
    assert read == [["0", "1", "2"], ["1", "2"], ["2"], ["0", "2"]]


def test_the_views_of_the_auditor_have_comments_on_every_column(home: Path, parts: Parts) -> None:
    missing = """
        SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'v' AND a.attnum > 0
            AND col_description(c.oid, a.attnum) IS NULL"""
    counts = {
        "failure": 0, "fixity_check": 2, "event_agent": 13, "event_object": 26, "event": 13,
    }  # fmt: skip
    with psycopg.connect(parts.dsn("auditor_ro")) as connection:
        assert connection.execute(missing).fetchall() == []
        for view, count in counts.items():
            query = SQL("SELECT count(*) FROM audit.{}").format(Identifier(view))
            assert connection.execute(query).fetchone() == (count,)


def test_prints_the_history_of_a_page_that_is_not_admitted_yet(home: Path) -> None:
    result = run(home, "page", "i-1:0003", "--json")

    assert history(result)[:3] == HISTORY_OF_A_PAGE[:3]


def test_refuses_an_ambiguous_label_with_the_candidates(home: Path) -> None:
    result = run(home, "page", "i-1:plate")

    assert result.exit_code == 2
    assert "i-1:0002, i-1:0003" in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [("page", "i-1:9999"), ("item", "i-9"), ("batch", "b-9")])
def test_an_unknown_id_exits_with_1(home: Path, words: tuple[str, str]) -> None:
    result = run(home, *words, "--json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert words[1] in result.stderr


def test_prints_the_history_of_an_item_and_of_a_batch(home: Path) -> None:
    item, batch = run(home, "item", "i-1", "--json"), run(home, "batch", "b-1", "--json")

    assert len(history(item)) == 11
    assert sorted(history(batch)) == sorted([*history(item), "BatchSettled settlement"])


def test_writes_valid_premis(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.xml"

    result = run(home, "page", "i-1:0001", "--premis", str(target))

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
    home: Path, parts: Parts, words: tuple[str, str]
) -> None:
    set_reason = "UPDATE audit.projector_position SET waits_for = %s"
    with psycopg.connect(parts.dsn("projector"), autocommit=True) as connection:
        connection.execute(set_reason, ["the log has a gap: seq 11 is missing"])
        result = run(home, *words, "--json")
        connection.execute(set_reason, [None])

    assert (result.exit_code, result.stdout) == (3, "")
    assert "log.projection-incomplete: the log has a gap: seq 11 is missing" in result.stderr
    assert run(home, *words, "--json").exit_code == 0


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_gives_no_answer_while_the_table_has_a_row_of_another_hand(
    home: Path, parts: Parts, words: tuple[str, str]
) -> None:
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE forged AS SELECT * FROM audit.events WHERE seq = 0")
        connection.execute("UPDATE forged SET seq = 900, detail = 'forged'")
        connection.execute("INSERT INTO audit.events SELECT * FROM forged")
        result = run(home, *words, "--json")
        connection.execute("SELECT audit.move_foreign_rows()")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "seq 900 was not written by the projector" in result.stderr
    assert run(home, *words, "--json").exit_code == 0


def test_a_reason_is_shown_while_it_is_stored_as_it_was_written(
    home: Path, parts: Parts, reference: str, tmp_path: Path
) -> None:
    def shown() -> tuple[int, str, dict[str, object]]:
        people, machine = run(home, "batch", "b-7"), run(home, "batch", "b-7", "--json")
        (event,) = json.loads(machine.stdout)
        assert event["detail"] == f"pause: {reference}"
        assert people.exit_code == machine.exit_code
        (text,) = event["texts"] or [{}]
        return people.exit_code, " ".join(people.stdout.split()), {**text, **event}

    code, people, event = shown()
    assert (code, event["text"], event["differs"]) == (0, REASON, None)
    assert f"pause: {REASON}" in people

    written = tmp_path / "history.xml"
    run(home, "batch", "b-7", "--premis", str(written))
    assert reference in written.read_text() and "Muster" not in written.read_text()

    with psycopg.connect(parts.dsn("tracker"), autocommit=True) as connection:
        connection.execute("UPDATE people.texts SET text = 'the lamp is broken'")
        code, people, event = shown()
        assert (code, event["changed"]) == (1, True)
        assert event["differs"] == f"has the digest of another text: {reference}"

        free_texts.delete(connection, reference, WHEN, "e-1")
        code, people, event = shown()
        assert (code, event["text"], event["deletion_id"]) == (0, None, "e-1")
        assert f"pause: [text deleted on {WHEN:%Y-%m-%d}]" in people

        connection.execute("DELETE FROM people.texts")
        code, people, event = shown()
        assert (code, event["texts"]) == (0, [])
        assert f"[text {reference[17:25]} is not stored here]" in people
