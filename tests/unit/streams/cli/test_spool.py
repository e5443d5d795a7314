"""`station submit --queue` and `station spool`, without a line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.cli.main import cli
from streams.clients.spool.background import only_one
from tests.support.deliveries import a_folder, a_png
from tests.support.tus_server import running_tus_server

HEAVY = {"faust", "psycopg", "pyvips", "aiokafka", "pebble", "obstore"}
ONLY_TO_SEND = {"confluent_kafka", "fastavro"}
PROGRAM = (
    "import sys\nfrom streams.cli.main import main\n"
    "try: main()\nfinally: print('loaded', *sorted(sys.modules), file=sys.stderr)"
)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A station whose spool another process works on, so that none is started."""
    with only_one(tmp_path / "station") as alone:
        assert alone
        yield {"COPYSTAND_STATION": str(tmp_path / "station"), "COPYSTAND_HOME": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-1", {"1.png": a_png(1), "2.png": a_png(2)})


def call(environment: dict[str, str], *words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["station", *map(str, words)], env=environment)


def document(environment: dict[str, str], *words: str | Path) -> Any:
    result = call(environment, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_queued_folder_has_an_id_and_the_keys_of_a_submission(
    environment: dict[str, str], folder: Path
) -> None:
    queued = document(environment, "submit", folder, "--batch-id", "b-1", "--queue")

    assert (queued["id"], queued["state"], queued["files"]) == ("d-1", "queued", 2)
    keys = {"batch_id", "state", "items", "pages", "bytes", "seconds", "quarantined", "diagnostics"}
    assert keys <= queued.keys()


def test_the_spool_shows_what_each_delivery_waits_for(
    environment: dict[str, str], folder: Path
) -> None:
    for name in ("b-1", "b-2"):
        call(environment, "submit", folder, "--batch-id", name, "--queue")

    shown = document(environment, "spool")
    text = call(environment, "spool").output

    assert [(one["id"], one["after"]) for one in shown["deliveries"]] == [
        ("d-1", None),
        ("d-2", "d-1"),
    ]
    assert shown["outbox"] == {"unsent": 0, "waits_for": None}
    assert "d-2" in text and "b-2" in text


def test_a_cancelled_delivery_is_shown_on_request(
    environment: dict[str, str], folder: Path
) -> None:
    call(environment, "submit", folder, "--batch-id", "b-1", "--queue")

    assert document(environment, "spool", "cancel", "d-1")["state"] == "cancelled"

    assert document(environment, "spool")["deliveries"] == []
    assert document(environment, "spool", "--all")["deliveries"][0]["state"] == "cancelled"


def test_an_unknown_delivery_ends_with_1_and_the_fix(environment: dict[str, str]) -> None:
    result = call(environment, "spool", "retry", "d-7")

    assert result.exit_code == 1
    assert "spool.unknown-delivery" in result.output and "copystand station spool" in result.output


@pytest.mark.parametrize("words", [("spool",), ("spool", "cancel", "d-1")])
def test_a_damaged_spool_is_reported(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"not a database " * 1000)

    result = call({"COPYSTAND_STATION": str(tmp_path)}, *words)

    assert result.exit_code == 3
    assert "file is not a database" in result.output


@pytest.mark.parametrize("option", [("--wait",), ("--release", "q-1")])
def test_what_needs_the_line_cannot_be_queued(
    environment: dict[str, str], folder: Path, option: tuple[str, ...]
) -> None:
    result = call(environment, "submit", folder, "--batch-id", "b-1", "--queue", *option)

    assert result.exit_code == 2


def test_a_spool_that_is_not_there_is_empty_and_is_not_created(tmp_path: Path) -> None:
    shown = document({"COPYSTAND_STATION": str(tmp_path / "none")}, "spool")

    assert (shown["pid"], shown["deliveries"]) == (None, [])
    assert not (tmp_path / "none").exists()


def loaded(environment: dict[str, str], folder: Path, *words: str | Path) -> set[str]:
    """The modules that a command has loaded in the end."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "station", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.rpartition("loaded ")[2].split())


def test_queueing_and_looking_load_no_client_of_the_line(
    environment: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    queueing = loaded(environment, tmp_path, "submit", folder, "--batch-id", "b-1", "--queue")
    looking = loaded(environment, tmp_path, "spool")

    assert "streams.clients.spool.deliveries" in queueing & looking
    assert (HEAVY | ONLY_TO_SEND) & (queueing | looking) == set()
    assert not (tmp_path / "var").exists()


def test_the_process_that_sends_loads_no_database_and_no_imaging(
    folder: Path, tmp_path: Path
) -> None:
    with running_tus_server() as server:
        station = tmp_path / "station"
        environment = {
            "COPYSTAND_STATION": str(station),
            "COPYSTAND_UPLOAD_URL": server.address,
            "COPYSTAND_HOME": "",
        }
        with only_one(station):
            call(environment, "submit", folder, "--batch-id", "b-1", "--queue")
            # Without an image, so that nothing is left to publish to a broker.
            for page in folder.iterdir():
                page.unlink()

        modules = loaded(environment, tmp_path, "spool", "run")

    assert "streams.clients.spool.uploads" in modules
    assert HEAVY & modules == set()
    assert document(environment, "spool")["deliveries"][0]["state"] == "refused"
    assert not (tmp_path / "var").exists()
