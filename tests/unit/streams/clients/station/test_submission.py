"""A station judges, stores and hands over; it touches no file of the sender and loads little."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from processors.manifest import read_manifest
from processors.page_list import staging_key
from schemas import ids
from schemas.codec import decode
from schemas.models import BatchSubmitted
from streams.cli.station import station
from streams.clients.station import submission as client
from streams.clients.station.folder import SubmissionOptions
from streams.settings import Settings
from tests.support.deliveries import MODS, a_folder, a_png

OPTIONS = SubmissionOptions("b-1", operator="o-17")


class Broker:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, bytes]] = []

    def __call__(self, topic: str, key: str, value: bytes) -> None:
        self.messages.append((topic, key, value))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(
        {"COPYSTAND_HOME": str(tmp_path / "home"), "COPYSTAND_WORKER_ID": "desk-1"}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "2.png": a_png(2), "mods.xml": MODS})


def test_stores_every_file_then_publishes_the_manifest(folder: Path, settings: Settings) -> None:
    broker = Broker()

    made = client.submit(folder, OPTIONS, settings, publish=broker)

    [(topic, key, value)] = broker.messages
    fact = decode(value, BatchSubmitted)
    assert isinstance(fact, BatchSubmitted)
    assert (topic, key) == ("digitization.batch.submitted.v1", "b-1")
    assert fact.head.event_id == ids.make_id("b-1", fact.manifest_sha256)
    assert (fact.head.cause_id, fact.head.revision) == (None, 1)
    assert fact.head.producer.name == "copystand/station"
    assert (fact.operator, fact.station) == ("o-17", "desk-1")
    manifest, found = read_manifest((settings.home / fact.files[0].key).read_bytes())
    assert manifest is not None
    assert found == []
    assert fact.files[0].use == "manifest"
    for page in manifest.items[0].pages:
        assert page.file is not None
        stored = settings.home / staging_key(page.file.sha256)
        assert stored.read_bytes() == (folder / page.file.path).read_bytes()
    assert (made.state, made.items, made.pages) == ("submitted", 1, 2)


def test_the_same_folder_again_is_the_same_submission(folder: Path, settings: Settings) -> None:
    broker = Broker()

    first = client.submit(folder, OPTIONS, settings, publish=broker)
    second = client.submit(folder, OPTIONS, settings, publish=broker)

    assert first.event_id == second.event_id
    assert [key for _, key, _ in broker.messages] == ["b-1", "b-1"]


def test_touches_nothing_of_the_sender(folder: Path, settings: Settings) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    client.submit(folder, OPTIONS, settings, publish=Broker())

    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before


def test_a_folder_that_is_refused_publishes_and_stores_nothing(
    folder: Path, settings: Settings
) -> None:
    (folder / "3.png").symlink_to(folder / "1.png")
    broker = Broker()

    made = client.submit(folder, OPTIONS, settings, publish=broker)

    assert made.state == "refused"
    assert made.failed
    assert broker.messages == []
    assert not (settings.home / "staging").exists()


def test_a_file_that_changes_between_reading_and_storing_publishes_nothing(
    folder: Path, settings: Settings
) -> None:
    broker = Broker()

    def scanner_still_writes(what: str, done: int, total: int) -> None:
        if what == "hashing" and done == total:
            (folder / "2.png").write_bytes(a_png(7))

    made = client.submit(folder, OPTIONS, settings, publish=broker, progress=scanner_still_writes)

    assert made.state == "refused"
    assert [one.code for one in made.diagnostics] == ["file.changed-meanwhile"]
    assert broker.messages == []


def test_a_manifest_that_pre_flight_will_refuse_is_handed_over_all_the_same(
    folder: Path, settings: Settings
) -> None:
    (folder / "item.json").write_text('{"titel": "Psalter"}')
    broker = Broker()

    made = client.submit(folder, OPTIONS, settings, publish=broker)

    assert [one.code for one in made.diagnostics] == ["manifest.field-unknown"]
    assert made.diagnostics[0].where == "items[0].titel (ms-88)"
    assert len(broker.messages) == 1


def test_check_tells_all_of_pre_flight(folder: Path, settings: Settings) -> None:
    found = client.check(folder, SubmissionOptions("b-1", profile="nowhere"), settings)

    assert [one.code for one in found] == ["profile.unknown"]
    assert not settings.home.exists()


def run(*arguments: str, home: Path) -> Result:
    return CliRunner().invoke(station, arguments, env={"COPYSTAND_HOME": str(home)})


def test_check_ends_with_0_when_nothing_is_wrong(folder: Path, tmp_path: Path) -> None:
    result = run("check", str(folder), "--json", home=tmp_path / "home")

    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_check_ends_with_1_and_one_document_when_something_is(folder: Path, tmp_path: Path) -> None:
    result = run("check", str(folder), "--profile", "nowhere", "--json", home=tmp_path / "home")

    assert result.exit_code == 1
    assert set(json.loads(result.stdout)[0]) == {"code", "where", "found", "fix", "severity"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--batch-id", "no good"],
        ["--batch-id", "b-1", "--operator", "Anna"],
        ["--batch-id", "b-1", "--metadata-schema", "MARC"],
        [],
    ],
)
def test_wrong_usage_ends_with_2(folder: Path, tmp_path: Path, wrong: list[str]) -> None:
    assert run("submit", str(folder), *wrong, home=tmp_path / "home").exit_code == 2


def test_a_line_that_was_never_started_ends_with_3_before_anything_is_stored(
    folder: Path, tmp_path: Path
) -> None:
    result = run("submit", str(folder), "--batch-id", "b-1", home=tmp_path / "home")

    assert result.exit_code == 3
    assert "copystand up" in result.stderr
    assert not (tmp_path / "home").exists()


def test_a_station_loads_neither_faust_nor_libvips(folder: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from click.testing import CliRunner
from streams.cli.station import station
result = CliRunner().invoke(station, ["check", {str(folder)!r}])
assert result.exit_code == 0, result.output
heavy = [name for name in ("faust", "mode", "aiokafka", "pyvips") if name in sys.modules]
assert not heavy, heavy
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={"COPYSTAND_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
