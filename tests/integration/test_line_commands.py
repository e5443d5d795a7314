"""`copystand batch` and `copystand quarantine` on the tracker's tables, with their JSON."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from infra.migrate import migrate
from streams.cli.main import cli
from streams.storage.memory import MemoryStorage
from streams.tracker.line import Line
from tests.line_facts import Delivery, Log
from tests.parts import Parts

DATABASE = "line_of_commands"


@pytest.fixture(scope="module")
def line_home(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a home whose line knows a good batch and one with a damaged page."""
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {DATABASE}".encode())
    migrate(parts.database.dsn("postgres", DATABASE))
    storage = MemoryStorage(tmp_path_factory.mktemp("store"))
    good = Delivery(storage, "b-good", {"vol-1": 2})
    bad = Delivery(storage, "b-bad", {"vol-2": 1})
    facts = [*good.everything(), bad.received(), bad.accepted(), bad.registered("vol-2")]
    facts += [bad.page_quarantined("vol-2:0001", "acquire_page")]
    with psycopg.connect(parts.database.dsn("tracker", DATABASE), autocommit=True) as conn:
        line = Line(conn, storage, "1")
        line.open()
        line.take(Log()(*facts))
    yield {
        "COPYSTAND_HOME": str(parts.home),
        "KAFKA_BROKERS": parts.kafka,
        "POSTGRES_DSN": f"postgresql://127.0.0.1:{parts.database.port}/{DATABASE}",
    }
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


def call(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env=environment)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_quarantine_list_has_the_keys_of_the_contract(line_home):
    rows = document(call(line_home, "quarantine", "list", "--json"))

    (row,) = rows
    contract = (
        "quarantine_id batch_id item_id page_id code where found fix attempts resume_at state"
    )
    assert set(contract.split()) <= set(row)
    assert (row["page_id"], row["code"], row["state"]) == (
        "vol-2:0001",
        "page.not-decodable",
        "open",
    )
    assert row["resume_at"] == "acquire_page"


def test_quarantine_show_gives_one_record_and_an_unknown_one_ends_with_1(line_home):
    (row,) = document(call(line_home, "quarantine", "list", "--json"))

    shown = document(call(line_home, "quarantine", "show", row["quarantine_id"], "--json"))

    assert shown == row | {"diagnostics": []}
    assert call(line_home, "quarantine", "show", "nothing").exit_code == 1


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (("--batch", "b-good"), []),
        (("--item", "VOL-2"), ["vol-2:0001"]),
        (("--state", "released"), []),
        (("--code", "page.not-decodable", "--limit", "1"), ["vol-2:0001"]),
        (("--since", "2027-01-01"), []),
    ],
)
def test_quarantine_list_is_filtered(line_home, filter, found):
    rows = document(call(line_home, "quarantine", "list", "--json", *filter))

    assert [row["page_id"] for row in rows] == found


def test_batch_list_and_show_tell_the_counts_and_the_items(line_home):
    rows = document(call(line_home, "batch", "list", "--json"))
    shown = document(call(line_home, "batch", "show", "b-bad", "--json"))

    counts = {row["batch_id"]: (row["state"], row["packaged"], row["quarantined"]) for row in rows}
    assert counts == {"b-good": ("settled", 2, 0), "b-bad": ("settled", 0, 1)}
    assert [(item["item_id"], item["state"]) for item in shown["items"]] == [("vol-2", "held")]


def test_a_listing_for_people_is_a_table(line_home):
    result = call(line_home, "batch", "list")

    assert result.exit_code == 0
    assert "b-good" in result.stdout


def test_a_name_instead_of_a_pseudonym_is_wrong_usage(line_home):
    result = call(line_home, "batch", "pause", "b-good", "--by", "Anna", "--reason", "r")

    assert result.exit_code == 2


def test_a_request_that_nobody_answers_ends_with_4(line_home):
    asked = ("batch", "pause", "b-good", "--by", "p-4", "--reason", "r", "--timeout", "1")

    assert call(line_home, *asked).exit_code == 4
