"""A station checks, stores and submits a folder, and changes no file of the sender."""

import subprocess
import sys
from pathlib import Path

import pytest

from processors.manifest import read_manifest
from processors.rules.codes import is_error
from processors.tools import staging_key
from schemas import ids
from schemas.codec import decode
from schemas.models import BatchSubmitted
from streams.clients.station import storing
from streams.clients.station import submission as client
from streams.clients.station.folder import SubmissionOptions
from streams.settings import Settings
from streams.storage.disk_reserve import NoSpace
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.signing import give_key

WRITES_AND_DIES = """
import os, pathlib, signal, sys
from processors.tools import Area
from streams.storage import local
local.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
store = local.LocalStorage(pathlib.Path(sys.argv[1]))
store.keep(b"content", area=Area.STAGING, use="capture", media_type="image/tiff")
"""
OPTIONS = SubmissionOptions("b-1", operator="o-17")


class Broker:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, bytes]] = []

    def __call__(self, topic: str, key: str, value: bytes) -> None:
        self.messages.append((topic, key, value))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    give_key(tmp_path / "home")
    return Settings.load(
        {"COPYSTAND_HOME": str(tmp_path / "home"), "COPYSTAND_WORKER_ID": "desk-1"}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "2.png": a_png(2), "mods.xml": MODS})


def test_stores_every_file_then_publishes_the_submission(folder: Path, settings: Settings) -> None:
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


def test_a_delivery_that_does_not_fit_is_refused_before_anything_is_stored(
    folder: Path, settings: Settings
) -> None:
    broker = Broker()
    small = settings.model_copy(update={"reserve_mb": 1e12})

    with pytest.raises(NoSpace) as refused:
        client.submit(folder, OPTIONS, small, publish=broker)

    assert broker.messages == []
    assert not (settings.home / "staging").exists()
    assert str(refused.value).startswith("disk.no-space: ")
    assert "b-1 with " in str(refused.value)


def test_what_an_interrupted_submission_stored_needs_no_space_again(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(
        storing, "require_space", lambda _, what, sizes: asked.append((what, sizes))
    )
    client.submit(folder, OPTIONS, settings, publish=Broker())
    (first_of_all, *each), _ = asked.copy(), asked.clear()

    client.submit(folder, OPTIONS, settings, publish=Broker())

    manifest = first_of_all[1][-1]
    sizes = sorted(path.stat().st_size for path in folder.iterdir())
    assert sorted(first_of_all[1][:-1]) == sizes
    assert sorted(size for _, [size] in each) == sizes
    assert asked == [("b-1", [manifest])]


def test_a_partial_file_of_a_killed_submission_is_removed_by_the_next(
    folder: Path, settings: Settings
) -> None:
    partial = settings.home / "staging" / ".partial"
    killed = subprocess.run(
        [sys.executable, "-c", WRITES_AND_DIES, str(settings.home)], capture_output=True, text=True
    )
    left = list(partial.iterdir())
    (partial / "1-elsewhere.1-0").touch()

    client.submit(folder, OPTIONS, settings, publish=Broker())

    assert killed.returncode == -9, killed.stderr
    assert len(left) == 1
    assert [path.name for path in partial.iterdir()] == ["1-elsewhere.1-0"]


def test_changes_no_file_of_the_sender(folder: Path, settings: Settings) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    client.submit(folder, OPTIONS, settings, publish=Broker())

    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before


def test_a_refused_folder_is_neither_stored_nor_published(folder: Path, settings: Settings) -> None:
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


@pytest.mark.parametrize(
    ("content", "code", "where"),
    [
        ('{"titel": "Psalter"}', "manifest.field-unknown", "items[0].titel (ms-88)"),
        ('{"languages": ["xx"]}', "language.unknown", "items[0].languages[0] (ms-88)"),
    ],
)
def test_a_manifest_that_pre_flight_is_certain_to_refuse_is_not_published(
    folder: Path, settings: Settings, content: str, code: str, where: str
) -> None:
    (folder / "item.json").write_text(content)
    broker = Broker()

    made = client.submit(folder, OPTIONS, settings, publish=broker)

    assert (made.state, made.failed) == ("refused", True)
    assert [(one.code, one.where) for one in made.diagnostics] == [(code, where)]
    assert broker.messages == []
    assert not (settings.home / "staging").exists()


def test_a_lone_surrogate_in_item_json_is_refused_before_anything_is_published(
    folder: Path, settings: Settings
) -> None:
    (folder / "item.json").write_text('{"title": "half \\ud800"}')
    broker = Broker()

    submission = client.submit(folder, OPTIONS, settings, publish=broker)

    assert submission.state == "refused"
    assert [one.code for one in submission.diagnostics] == ["item-json.unreadable"]
    assert broker.messages == []


def test_check_reports_text_that_no_record_can_contain(folder: Path, settings: Settings) -> None:
    (folder / "item.json").write_text('{"title": "Psalter\\u000b"}')

    found = client.check(folder, OPTIONS, settings)

    places = [(one.code, one.where) for one in found if is_error(one)]
    assert places == [("manifest.text-broken", "items[0].title (ms-88)")]


def test_check_reports_everything_that_pre_flight_finds(folder: Path, settings: Settings) -> None:
    settings = settings.model_copy(update={"home": settings.home.with_name("of-nobody")})

    found = client.check(folder, SubmissionOptions("b-1", profile="nowhere"), settings)

    assert [one.code for one in found] == ["profile.unknown"]
    assert not settings.home.exists()


def test_check_decodes_the_pages_and_names_those_that_would_be_quarantined(
    folder: Path, settings: Settings
) -> None:
    (folder / "2.png").write_bytes(a_png(2)[:60])
    (folder / "3.png").write_bytes(a_png(3))

    found = client.check(folder, OPTIONS, settings)

    [refused] = [one for one in found if is_error(one)]
    assert (refused.code, refused.where) == ("page.not-decodable", "2.png")
    assert '"exclude": ["2.png"]' in refused.fix
    [warned] = [one for one in found if one.code == "page.icc-missing"]
    assert warned.where == "1.png"
    assert warned.found.endswith("; and 1 more page")


def test_what_check_prints_to_exclude_clears_the_page(folder: Path, settings: Settings) -> None:
    (folder / "empty.tif").write_bytes(b"")
    before = client.check(folder, OPTIONS, settings)
    (folder / "item.json").write_text('{"exclude": ["empty.tif"]}')

    after = client.check(folder, OPTIONS, settings)

    assert [one.where for one in before if is_error(one)] == ["empty.tif"]
    assert [one.where for one in after if is_error(one)] == []


def test_check_reports_how_much_it_has_decoded(folder: Path, settings: Settings) -> None:
    reported: list[tuple[str, int, int]] = []

    client.check(folder, OPTIONS, settings, lambda *one: reported.append(one))

    decoded = [one for one in reported if one[0] == "decoding"]
    assert len(decoded) == 2
    assert decoded[-1][1] == decoded[-1][2] == len(a_png(1)) + len(a_png(2))
