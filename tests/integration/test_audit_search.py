"""`copystand audit` on a real database: searches, tables, files and views."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from streams.audit.event_search import Question, search_plan
from streams.audit.standing import Standing
from tests.support.audit_story import (
    run,
)
from tests.support.parts import Parts


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
def test_events_are_searched(audited: Path, asked: tuple[str, ...], seqs: list[int]) -> None:
    result = run(audited, "events", "--json", *asked)

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert sorted(event["seq"] for event in document["events"]) == seqs
    assert document["more"] is False


def test_events_are_in_order_of_cause(audited: Path) -> None:
    document = json.loads(run(audited, "events", "--item", "i-1", "--json").stdout)

    facts = [event["fact"] for event in document["events"]]
    assert [*dict.fromkeys(facts)] == [
        "ItemRegistered", "PageAdmitted", "PageAcquired", "PageRecognized", "ItemCompleted",
        "PackagePublished",
    ]  # fmt: skip


def test_an_answer_that_is_cut_says_so_and_how_to_go_on(audited: Path) -> None:
    first = run(audited, "events", "--limit", "5", "--json")
    rest = run(audited, "events", "--after", "4", "--json")

    words = " ".join(first.stderr.split())
    assert "More events match. Shown: the first 5." in words and "--after 4" in words
    assert json.loads(first.stdout)["more"] is True
    shown = [json.loads(one.stdout)["events"] for one in (first, rest)]
    assert sorted(event["seq"] for part in shown for event in part) == [*range(13)]
    assert "More events" not in rest.stderr
    assert "Shown: 2 of 9 events" in run(audited, "page", "i-1:0001", "--limit", "2").stderr


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
    audited: Path, words: tuple[str, ...], found: str
) -> None:
    result = run(audited, *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert found in " ".join(result.stderr.split())


def test_a_history_as_of_a_time_has_what_was_sealed_then(audited: Path) -> None:
    then = run(audited, "page", "i-1:0001", "--json", "--as-of", "2026-02-02T02:40:04Z")
    before = run(audited, "page", "i-1:0001", "--json", "--as-of", "2026-02-02T02:39:00Z")

    assert [event["seq"] for event in json.loads(then.stdout)] == [1, 4, 0, 2, 3]
    assert "As of 2026-02-02T02:40:04.000000Z: events up to seq 4" in then.stderr
    assert (before.exit_code, before.stdout) == (1, "")
    assert "at 2026-02-02T02:39:00.000000Z" in " ".join(before.stderr.split())


def test_csv_has_a_heading_and_a_row_for_each_event_with_its_agents(audited: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(audited, "item", "i-1", "--csv").stdout)))

    assert len(rows) == 11
    assert rows[0]["event_type"] == "submission receipt"
    assert {row["agents"] for row in rows} == {"sha256 1 (executing program)"}
    assert rows[-1]["results"] == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "words", [("page", "i-1:0001"), ("item", "i-1"), ("batch", "b-1"), ("events",)]
)
def test_every_table_names_the_agents(audited: Path, words: tuple[str, ...]) -> None:
    shown = run(audited, *words).stdout

    assert shown.count("by sha256 1") == shown.count(" suc ") > 5


def test_the_history_of_a_file_has_its_checks_and_the_packages_of_its_item(audited: Path) -> None:
    result = run(audited, "object", "AB" * 32, "--json")

    document = json.loads(result.stdout)
    assert document["object"] == "sha256:" + "ab" * 32
    assert len(document["events"]) == 13
    assert [event["seq"] for event in document["checks"]] == [3, 7]
    assert [event["fact"] for event in document["packages"]] == ["PackagePublished"]
    assert (
        "Fixity checks of it, or of the files of its item: 2"
        in run(audited, "object", "ab" * 32).stdout
    )
    assert run(audited, "object", "cd" * 32).exit_code == 1


def test_only_the_partitions_of_the_time_are_read(audited: Path, parts: Parts) -> None:
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


def test_the_views_of_the_auditor_have_comments_on_every_column(
    audited: Path, parts: Parts
) -> None:
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
