"""`copystand batch` and `copystand quarantine` on the tables of the tracker, with their JSON."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from infra.migrate import migrate
from streams.cli.main import cli
from streams.storage.memory import MemoryStorage
from streams.tracker.process_manager import ProcessManager
from tests.support.line_facts import Delivery, Log
from tests.support.parts import Parts

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
        line = ProcessManager(conn, storage, "1")
        line.take_over()
        line.process(Log()(*facts))
    yield {
        "COPYSTAND_HOME": str(parts.home),
        "KAFKA_BROKERS": str(parts.kafka),
        "POSTGRES_DSN": f"postgresql://127.0.0.1:{parts.database.port}/{DATABASE}",
    }
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env=environment)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_quarantine_list_has_the_keys_of_the_contract(line_home):
    rows = document(run(line_home, "quarantine", "list", "--json"))

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


def test_quarantine_show_prints_one_record_and_exits_with_1_for_an_unknown_one(line_home):
    (row,) = document(run(line_home, "quarantine", "list", "--json"))

    shown = document(run(line_home, "quarantine", "show", row["quarantine_id"], "--json"))

    assert shown == row | {"diagnostics": []}
    assert run(line_home, "quarantine", "show", "nothing").exit_code == 1


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
    rows = document(run(line_home, "quarantine", "list", "--json", *filter))

    assert [row["page_id"] for row in rows] == found


def test_batch_list_and_show_have_the_counts_and_the_items(line_home):
    rows = document(run(line_home, "batch", "list", "--json"))
    shown = document(run(line_home, "batch", "show", "b-bad", "--json"))

    counts = {row["batch_id"]: (row["state"], row["packaged"], row["quarantined"]) for row in rows}
    assert counts == {"b-good": ("settled", 2, 0), "b-bad": ("settled", 0, 1)}
    (item,), (record,) = shown["items"], shown["quarantine"]
    assert (item["item_id"], item["state"]) == ("vol-2", "held")
    assert (item["page_count"], item["quarantined"], item["packaged"]) == (1, 1, 0)
    assert (record["page_id"], record["code"]) == ("vol-2:0001", "page.not-decodable")
    assert (shown["packages"], shown["open_records"], shown["settled_at"]) == ([], 1, None)
    assert shown["accepted_at"].endswith("Z")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (("--batch", "b-good"), ["b-good"]),
        (("--item", "VOL-2"), ["b-bad"]),
        (("--state", "running"), []),
        (("--code", "page.not-decodable"), ["b-bad"]),
        (("--since", "2027-01-01"), []),
        (("--state", "settled", "--limit", "1"), ["b-bad"]),
    ],
)
def test_batch_list_is_filtered(line_home, filter, found):
    rows = document(run(line_home, "batch", "list", "--json", *filter))

    assert [row["batch_id"] for row in rows] == found


@pytest.mark.parametrize("listing", ["batch", "quarantine", "packages"])
def test_an_unknown_state_exits_with_2(line_home, listing):
    assert run(line_home, listing, "list", "--state", "fine").exit_code == 2


def test_batch_show_for_people_prints_items_packages_and_records(line_home):
    good, bad = (run(line_home, "batch", "show", name).stdout for name in ("b-good", "b-bad"))

    assert "vol-1.v1" in good and "in_flight 0" in good
    assert "page.not-decodable" in bad and "held" in bad
    assert run(line_home, "batch", "show", "b-9").exit_code == 1


def test_watch_and_json_exit_with_2(line_home):
    assert run(line_home, "status", "--watch", "--json").exit_code == 2


def test_a_listing_for_people_is_a_table(line_home):
    result = run(line_home, "batch", "list")

    assert result.exit_code == 0
    assert "b-good" in result.stdout


def test_a_name_instead_of_a_pseudonym_exits_with_2(line_home):
    result = run(line_home, "batch", "pause", "b-good", "--by", "Anna", "--reason", "r")

    assert result.exit_code == 2


def test_a_request_without_a_decision_exits_with_4(line_home):
    words = ("batch", "pause", "b-good", "--by", "p-4", "--reason", "r", "--timeout", "1")

    assert run(line_home, *words).exit_code == 4
