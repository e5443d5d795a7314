"""Every capture of a page becomes a fact, and the manifest names the one that counts."""

import json
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from processors.tools import staging_key
from schemas.codec import decode
from schemas.models import CaptureSetting, PageCaptured
from streams.clients.station import submission as client
from streams.clients.station.capture_record import CaptureRecord, record_path
from streams.clients.station.folder import SubmissionOptions, read_folder
from streams.known_persons import KnownPerson
from streams.settings import Settings
from streams.signatures import new_key
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.signing import give_key

OPTIONS = SubmissionOptions("b-1", operator="o-17")
FIRST, SECOND, THIRD = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


def a_record(page: Path, **changes: Any) -> CaptureRecord:
    device = {"name": "test:0", "vendor": "Noname", "model": "frontend-tester", "serial": "S-1"}
    record = CaptureRecord(
        ref="0001",
        file=page.name,
        sha256=sha256(page.read_bytes()).hexdigest(),
        size_bytes=page.stat().st_size,
        captured_at="2026-05-04T09:30:00.000000Z",
        driver="sane",
        device={**device, "driver_version": "sane 1.1"},
        profile="as-delivered",
        asked={"mode": "rgb", "resolution_dpi": 300.0, "source": "flatbed", "width_mm": 200.0},
        confirmed={"resolution": "300", "mode": "Color", "l": "0"},
        found={"icc_profile": "sRGB", "icc_sha256": "ab" * 32},
        operator="o-17",
        event_id=FIRST,
        pixels_sha256="cd" * 32,
    )
    return replace(record, **changes)


def recorded(page: Path, **changes: Any) -> CaptureRecord:
    record = a_record(page, **changes)
    record_path(page).write_bytes(record.content())
    return record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "2.png": a_png(2), "mods.xml": MODS})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    give_key(tmp_path / "home")
    return Settings.load({"COPYSTAND_HOME": str(tmp_path / "home")})


def test_captures_are_published_before_the_submission_that_names_them(
    folder: Path, settings: Settings
) -> None:
    give_key(settings.home)
    recorded(folder / "1.png")
    give_key(settings.home)
    sent: list[tuple[str, str, bytes]] = []

    made = client.submit(folder, OPTIONS, settings, publish=lambda *one: sent.append(one))

    assert made.state == "submitted"
    assert [(topic, key) for topic, key, _ in sent] == [
        ("digitization.page.captured.v1", "b-1.ms-88:0001"),
        ("digitization.batch.submitted.v1", "b-1"),
    ]
    fact = decode(sent[0][2], PageCaptured)
    assert fact.head.event_id == FIRST
    assert fact.files[0].key == staging_key(fact.sha256 or "")
    assert (settings.home / fact.files[0].key).read_bytes() == (folder / "1.png").read_bytes()


def test_a_page_names_its_capture_and_a_page_without_a_record_names_none(folder: Path) -> None:
    recorded(folder / "2.png", event_id=SECOND)

    pages = read_folder(folder, OPTIONS).manifest["items"][0]["pages"]

    assert [page["capture"] for page in pages] == [None, SECOND]


def test_a_capture_states_device_settings_icc_digests_and_time(folder: Path) -> None:
    recorded(folder / "1.png")

    (fact,) = read_folder(folder, OPTIONS).captures

    assert (fact.device_make, fact.device_model, fact.device_serial) == (
        "Noname",
        "frontend-tester",
        "S-1",
    )
    assert (fact.driver, fact.driver_version, fact.profile) == ("sane", "sane 1.1", "as-delivered")
    assert fact.settings == (
        CaptureSetting(name="mode", asked="rgb", confirmed="Color"),
        CaptureSetting(name="resolution_dpi", asked="300", confirmed="300"),
        CaptureSetting(name="source", asked="flatbed"),
        CaptureSetting(name="width_mm", asked="200"),
        CaptureSetting(name="l", confirmed="0"),
    )
    assert (fact.icc_profile, fact.icc_sha256) == ("sRGB", "ab" * 32)
    assert fact.sha256 == sha256((folder / "1.png").read_bytes()).hexdigest()
    assert (fact.pixels_sha256, fact.operator, fact.resolution_dpi) == ("cd" * 32, "o-17", 300)
    assert f"{fact.head.occurred_at:%Y-%m-%dT%H:%M}" == "2026-05-04T09:30"


def test_of_several_scans_of_a_page_the_last_one_counts_and_all_are_reported(folder: Path) -> None:
    page = folder / "1.png"
    first = a_record(page, sha256="11" * 32)
    second = a_record(page, sha256="22" * 32, event_id=SECOND, previous=vars(first))
    recorded(page, event_id=THIRD, previous=vars(second))

    delivery = read_folder(folder, OPTIONS)

    assert delivery.manifest["items"][0]["pages"][0]["capture"] == THIRD
    assert [(one.head.event_id, one.replaces) for one in delivery.captures] == [
        (FIRST, None),
        (SECOND, FIRST),
        (THIRD, SECOND),
    ]
    # A file that was replaced is nowhere any more.
    assert [len(one.files) for one in delivery.captures] == [0, 0, 1]
    assert delivery.captures[0].sha256 == "11" * 32


@pytest.mark.parametrize(
    "changes",
    [{"event_id": None}, {"sha256": "00" * 32}, {"form": "another"}],
    ids=["of a version without ids", "of another file", "of another form"],
)
def test_a_record_that_does_not_prove_a_capture_names_none(
    folder: Path, changes: dict[str, Any]
) -> None:
    recorded(folder / "1.png", **changes)

    delivery = read_folder(folder, OPTIONS)

    assert delivery.manifest["items"][0]["pages"][0]["capture"] is None
    assert delivery.captures == []


def test_files_of_other_software_state_no_setting_of_a_device(folder: Path) -> None:
    recorded(folder / "1.png", driver="watch", confirmed={"source_size_bytes": 9})

    (fact,) = read_folder(folder, OPTIONS).captures

    assert (fact.settings, fact.resolution_dpi) == ((), None)


def test_the_same_folder_gives_the_same_manifest_and_the_same_captures(folder: Path) -> None:
    recorded(folder / "1.png")

    one, other = (read_folder(folder, OPTIONS) for _ in range(2))

    assert json.dumps(one.manifest) == json.dumps(other.manifest)
    assert one.captures == other.captures


class Line:
    """A line that knows o-17 and nobody else."""

    def status(self, batch_id: str) -> None:
        return None

    def person(self, pseudonym: str) -> KnownPerson:
        known = pseudonym == "o-17"
        return KnownPerson(binds=True, known=known, retired=False, senders=None)


def test_an_operator_of_a_capture_whom_the_line_will_refuse_is_reported_before_anything_is_sent(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "line_queries", lambda _: nullcontext(Line()))
    monkeypatch.setattr(Settings, "signing_key", lambda *_: new_key("station"))
    recorded(folder / "1.png", operator="o-99")
    sent: list[object] = []

    made = client.submit(folder, OPTIONS, settings, publish=lambda *one: sent.append(one))

    assert "person.unknown" in [one.code for one in made.diagnostics]
    assert (made.state, sent) == ("refused", [])
