"""`station devices`, `station scan` and `station close` with SANE's test device."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pyvips

from processors.tools import staging_key
from schemas.codec import decode
from schemas.models import BatchSubmitted
from streams.clients.capture import capture_session
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.closing import close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.routing import load_profile
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.sane_driver import SaneDriver
from streams.clients.station.capture_record import CaptureRecord, digest_of, record_path
from streams.clients.station.folder import SubmissionOptions
from streams.clients.station.submission import check, submit
from streams.settings import Settings
from tests.support import scanimage
from tests.support.escl_server import EsclServer, running
from tests.support.forked_commands import forks
from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50
from tests.support.signing import give_key

COPYSTAND = str(Path(sys.executable).with_name("copystand"))
COMMAND_SECONDS = 240
SCAN = (
    "scan",
    "--profile",
    "as-delivered",
    "--device",
    "test:0",
    "--no-prompt",
    "--resolution",
    "60",
)
FEEDER = (*SCAN, "--source", "feeder")
HEAVY = {"faust", "psycopg", "pyvips", "aiokafka", "confluent_kafka", "pebble"}


@dataclass
class Result:
    """How a command ended."""

    code: int
    document: Any
    stderr: str


@dataclass
class StationHome:
    """The home of a station without a line."""

    home: Path
    path: str = os.environ["PATH"]

    def run(self, *arguments: str, typed: str = "", **variables: str) -> Result:
        """A command of the station with --json."""
        words, environment = ["station", *arguments, "--json"], self.environment(variables)
        if typed:
            ended = subprocess.run(
                [COPYSTAND, *words], input=typed, capture_output=True, text=True, env=environment
            )
        else:
            ended = forks().run(words, environment, COMMAND_SECONDS)
        document = json.loads(ended.stdout) if ended.stdout.strip() else None
        return Result(ended.returncode, document, ended.stderr)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "COPYSTAND_HOME": str(self.home), "PATH": self.path, **variables}

    def images(self, batch: str) -> list[Path]:
        """All images of a batch, each decoded completely."""
        found = sorted((self.home / "spool" / "captures" / batch / "files").rglob("*.tif"))
        for path in found:
            image = pyvips.Image.new_from_file(str(path), fail_on="warning", revalidate=True)
            assert (image.width, image.height) == (472, 472)
            image.avg()
            record = CaptureRecord.read(record_path(path))
            assert record is not None and record.sha256 == digest_of(path)
        return found


@pytest.fixture
def station(tmp_path: Path) -> StationHome:
    return StationHome(tmp_path / "home")


def test_scans_20_pages_of_a_feeder_in_two_loads_and_closes_the_batch(station: StationHome):
    result = station.run(*FEEDER, "--pages", "20", "--batch-id", "b-1", "--item", "Ms. 17/a")

    assert (result.code, result.document["state"]) == (0, "closed")
    assert len(result.document["pages"]) == len(station.images("b-1")) == 20
    page = result.document["pages"][0]
    assert page["asked"]["resolution_dpi"] == 60 and page["confirmed"]["resolution"] == "60"
    preview = pyvips.Image.new_from_file(page["preview"])
    assert (preview.width, preview.bands) == (472, 3)
    manifest = json.loads(Path(result.document["manifest"]).read_text())
    (item,) = manifest["items"]
    assert item["item_id"].startswith("Ms.-17-a-")
    assert item["identifiers"] == [{"type": "local", "value": "Ms. 17/a"}]
    assert {one["code"] for one in manifest["not_packaged"]} == {None}
    found = check(Path(result.document["folder"]), SubmissionOptions("b-1"))
    # The pages of the test device are all the same.
    assert {one.code for one in found if one.severity != "info"} <= {
        "page.same-bytes",
        "page.icc-missing",
        "record.made-by-station",
    }


def test_the_closed_folder_is_submitted_with_its_manifest(station: StationHome):
    scanned = station.run(*SCAN, "--pages", "2", "--batch-id", "b-1", "--operator", "o-17").document
    give_key(station.home)
    settings = Settings.load({"COPYSTAND_HOME": str(station.home)})
    published: list[bytes] = []
    give_key(station.home)

    made = submit(
        *(Path(scanned["folder"]), SubmissionOptions("b-1", operator="o-17"), settings),
        publish=lambda _topic, _key, value: published.append(value),
    )

    assert (made.state, made.items, made.pages) == ("submitted", 1, 2)
    *captures, submitted = (decode(one) for one in published)
    assert isinstance(submitted, BatchSubmitted)
    assert submitted.manifest_sha256 == scanned["manifest_sha256"]
    assert [(one.device_model, one.operator, one.sha256) for one in captures] == [
        ("frontend-tester", "o-17", page["sha256"]) for page in scanned["pages"]
    ]
    settings_of = {one.name: (one.asked, one.confirmed) for one in captures[0].settings}
    assert settings_of["mode"] == ("rgb", "Color")
    for page in scanned["pages"]:
        stored = station.home / staging_key(page["sha256"])
        assert digest_of(stored) == page["sha256"]


def test_scans_20_pages_of_a_flatbed(station: StationHome):
    result = station.run(*SCAN, "--pages", "20", "--batch-id", "b-1")

    assert (result.code, len(station.images("b-1"))) == (0, 20)


def test_the_same_command_again_changes_nothing(station: StationHome):
    first = station.run(*SCAN, "--pages", "2", "--batch-id", "b-1")
    second = station.run(*SCAN, "--pages", "2", "--batch-id", "b-1")

    assert second.document["pages"] == []
    assert second.document["manifest_sha256"] == first.document["manifest_sha256"]


def test_a_cover_is_scanned_as_one_and_its_kind_is_in_the_manifest(station: StationHome):
    station.run(*SCAN, "--pages", "1", "--kind", "cover", "--batch-id", "b-1")
    result = station.run(*SCAN, "--pages", "3", "--batch-id", "b-1")

    (item,) = json.loads(Path(result.document["manifest"]).read_text())["items"]
    kinds = [(one["sequence"], one["kind"]) for one in item["pages"]]
    assert kinds == [(1, "cover"), (2, "page"), (3, "page")]
    refused = station.run(*SCAN, "--kind", "missing", "--batch-id", "b-2")
    assert refused.code == 2 and "'missing' is not one of" in refused.stderr


InProcess = Callable[[int, Mapping[int, str]], tuple[str | None, int]]


@pytest.fixture
def scan_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """Scans flatbed pages of 5 dpi as the command does; gives the code of the problem, and the
    number of pages."""
    monkeypatch.setattr(capture_session, "FIRST_PAUSE_SECONDS", 0)
    profile = load_profile("as-delivered", tmp_path)
    settings = CaptureSettings(Source.FLATBED, ColourMode.GREYSCALE, 8, 50, "tiff", 200, 200)
    runs = 0

    def scan(count: int, faults: Mapping[int, str]) -> tuple[str | None, int]:
        nonlocal runs
        runs += 1
        monkeypatch.setenv("PATH", scanimage.install(tmp_path / f"bin{runs}", faults))
        folder = CaptureFolder(tmp_path / "batch", "b-1")
        code = None
        with folder.opened(profile.name):
            item = item_folder(folder, None)
            scanner = SaneDriver(tmp_path / "sane", None, 30).open("test:0")
            session = CaptureSession(folder, scanner, settings, profile)
            try:
                list(session.capture(item, count - len(folder.pages(item))))
            except Exception as problem:
                code = problem.code
            pages = folder.pages(item)
            for record in pages:
                path = folder.files / item / record.file
                image = pyvips.Image.new_from_file(str(path), fail_on="warning", revalidate=True)
                assert (image.width, image.height, image.avg() >= 0) == (393, 393, True)
            if len(pages) == count:
                assert close_batch(folder).delivery.page_count == count
        return code, len(pages)

    return scan


@pytest.mark.parametrize(("status", "code"), scanimage.STATUSES.items())
def test_each_status_is_reported_at_each_page_and_the_batch_ends_complete(
    status: str, code: str, scan_in_process: InProcess
):
    passes_by_itself = code in ("scanner.busy", "scanner.io-failed", "scanner.no-memory")
    if passes_by_itself:
        # Each is tried again at once: call 10 is page 9 after one retry, and so on.
        assert scan_in_process(20, {1: status, 11: status, 13: status, 23: status}) == (None, 20)
        return
    # A person acts on each before the next command.
    for have, page in ((0, 1), (0, 10), (9, 11), (10, 20)):
        assert scan_in_process(20, {page - have: status}) == (code, page - 1)
    assert scan_in_process(20, {}) == (None, 20)


def test_a_scan_that_is_killed_at_any_moment_leaves_no_half_page(station: StationHome):
    moments = (0.5, 0.9, 1.1, 1.3, 1.5)
    for number, moment in enumerate(moments):
        command = [COPYSTAND, "station", *FEEDER, "--pages", "20", "--batch-id", "b-1"]
        process = subprocess.Popen(
            command, env=station.environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # As the next command does first.
        with CaptureFolder(station.home / "spool" / "captures" / "b-1", "b-1").opened(
            "as-delivered"
        ):
            station.images("b-1")
        assert not _scans_of(station), f"scanimage is left after kill {number}"

    result = station.run(*FEEDER, "--pages", "20", "--batch-id", "b-1")

    assert (result.code, result.document["state"]) == (0, "closed")
    assert len(station.images("b-1")) == 20


def _scans_of(station: StationHome) -> list[str]:
    """Processes of scanimage that write into this home; they get a moment to end."""
    deadline = time.monotonic() + 5
    while True:
        found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        left = [
            one for one in found.splitlines() if "scanimage" in one and str(station.home) in one
        ]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def test_a_page_that_does_not_keep_the_profile_is_not_kept(station: StationHome, tmp_path: Path):
    icc = tmp_path / "grey.icc"
    icc.write_bytes(grey_profile("grey", 2.2))
    scan = ("scan", "--profile", "book-colour", "--device", "test:0", "--no-prompt")

    without = station.run(*scan, "--batch-id", "b-1")
    wrong = station.run(*scan, "--batch-id", "b-1", "--icc-profile", str(icc))

    assert without.code == 1
    assert without.document["problem"]["code"] == "scanner.cannot-keep-profile"
    assert "bitonal-text" in without.document["problem"]["fix"]
    assert wrong.document["problem"]["code"] == "capture.settings-refused"
    assert wrong.document["problem"]["finding"] == "page.icc-mismatch"
    assert station.images("b-1") == []


def test_scans_with_the_icc_profile_of_the_device(station: StationHome, tmp_path: Path):
    icc = tmp_path / "device.icc"
    icc.write_bytes(matrix_profile_v2("Adobe-like", to_xyz_d50(ADOBE_LIKE), 2.2))
    scan = ("scan", "--profile", "book-colour", "--device", "test:0", "--no-prompt")

    result = station.run(*scan, "--batch-id", "b-1", "--icc-profile", str(icc))

    assert result.code == 0
    (page,) = result.document["pages"]
    assert page["found"]["resolution_dpi"] == 300
    # The test device shows one even colour.
    assert [one["code"] for one in page["warnings"]] == ["capture.page-blank"]
    assert page["measured"]["ink"] == 0
    assert "capture.page-blank: 0.00% of the page is ink" in result.stderr
    record = json.loads(Path(page["file"]).with_suffix(".capture.json").read_text())
    assert (record["measured"], record["warnings"]) == (page["measured"], page["warnings"])
    assert page["found"]["icc_bytes"] == icc.stat().st_size


def test_the_operator_scans_again_and_describes_pages(station: StationHome):
    scan = [one for one in SCAN if one != "--no-prompt"]
    first = station.run(*scan, "--batch-id", "b-1", typed="\nk cover\n\nr\nl 1r\n\nq\n")
    closed = station.run("close", "b-1")

    assert first.document["state"] == "open"
    assert [page["ref"] for page in first.document["pages"]] == ["0001", "0002", "0002", "0003"]
    manifest = json.loads(Path(closed.document["manifest"]).read_text())
    pages = manifest["items"][0]["pages"]
    assert [(page["kind"], page["labels"]) for page in pages] == [
        ("cover", []),
        ("page", ["1r"]),
        ("page", []),
    ]


def test_the_operator_inserts_skips_removes_and_goes_on_to_the_next_item(station: StationHome):
    scan = [one for one in SCAN if one != "--no-prompt"]
    typed = "\n\na 0001\ns torn\nx 0002 twice\nk 0001 cover\nr 0009\nz\nn ms 2\n\nl 1r\nr\np\nq\n"
    scanned = station.run(*scan, "--batch-id", "b-1", typed=typed)
    closed = station.run("close", "b-1")

    assert "capture.page-unknown" in scanned.stderr and "s REASON: skip" in scanned.stderr
    manifest = json.loads(Path(closed.document["manifest"]).read_text())
    found = [
        [(page["kind"], page["labels"], page["file"] is not None) for page in item["pages"]]
        for item in manifest["items"]
    ]
    assert found == [
        [("cover", [], True), ("page", [], True), ("missing", [], False)],
        [("page", ["1r"], True)],
    ]
    (skipped,) = [one for one in closed.document["diagnostics"] if one["code"] == "page.skipped"]
    assert skipped["found"] == "torn"
    checked = station.run("check", closed.document["folder"])
    assert "page.skipped" in {one["code"] for one in checked.document}


def test_pages_are_changed_by_command(station: StationHome):
    station.run(*SCAN, "--pages", "2", "--batch-id", "b-1")
    device = ("--device", "test:0", "--resolution", "60")

    rescanned = station.run("page", "b-1", "item-1:0002", "--rescan", "--kind", "cover", *device)
    inserted = station.run("page", "b-1", "item-1:0001", "--insert", "before", *device)
    station.run("page", "b-1", "item-1:0002", "--label", "1r", "--label", "1v")
    skipped = station.run("page", "b-1", "item-1", "--skip", "--reason", "stuck to the cover")
    removed = station.run("page", "b-1", "item-1:0001", "--remove", "--reason", "scanned twice")
    listed = station.run("page", "b-1")

    assert [one.code for one in (rescanned, inserted, skipped, removed)] == [0, 0, 0, 0]
    assert [(one["ref"], one["state"], one["kind"], one["labels"]) for one in listed.document["pages"]] == [
        ("0003", "captured", "page", []),
        ("0002", "captured", "cover", ["1r", "1v"]),
        ("0004", "skipped", "missing", []),
    ]  # fmt: skip
    batch = station.home / "spool" / "captures" / "b-1"
    for kept in ("superseded/item-1/0002.1.tif", "superseded/item-1/0001.1.tif"):
        record = CaptureRecord.read(record_path(batch / kept))
        assert record is not None and record.sha256 == digest_of(batch / kept)
    assert len(station.images("b-1")) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("b-1", "item-1:0009", "--rescan"), 1, "capture.page-unknown"),
        (("b-1", "item-1", "--rescan"), 1, "names an item, not a page"),
        (("b-1", "item-1:0001", "--skip"), 2, "the reason is missing"),
        (("b-1", "item-1:0001", "--rescan", "--insert", "after"), 2, "exclude each other"),
        (("b-1", "--kind", "cover"), 2, "no page is named"),
        (("b-9",), 1, "capture.no-pages"),
    ],
)
def test_wrong_changes_of_pages_are_explained(
    station: StationHome, arguments: tuple[str, ...], code: int, words: str
):
    with CaptureFolder(station.home / "spool" / "captures" / "b-1", "b-1").opened("as-delivered"):
        (station.home / "spool" / "captures" / "b-1" / "files" / "item-1").mkdir()

    result = station.run("page", *arguments)

    assert result.code == code
    assert words in result.stderr


def test_an_operator_is_asked_to_load_the_feeder(station: StationHome):
    scan = [one for one in FEEDER if one != "--no-prompt"]

    result = station.run(*scan, "--pages", "12", "--batch-id", "b-1", typed="\n\n")

    assert "scanner.feeder-empty" in result.stderr
    assert len(station.images("b-1")) == 12


def test_a_changed_page_is_not_closed(station: StationHome):
    station.run(*SCAN, "--batch-id", "b-1")
    (image,) = station.images("b-1")
    image.write_bytes(image.read_bytes()[:-1] + b"x")

    closed = station.run("close", "b-1")

    assert closed.code == 1
    assert "capture.page-damaged" in closed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("close", "b-9"), 1, "capture.no-pages"),
        ((*SCAN, "--batch-id", "../b"), 2, "must be 1 to 64"),
        (("scan", "--profile", "nosuch", "--batch-id", "b-1", "--no-prompt"), 2, "no profile has the name"),
        (("scan", "--profile", "as-delivered", "--batch-id", "b-1", "--device", "http://127.0.0.1:9/"), 3, "scanner.not-found"),
        (("scan", "--profile", "as-delivered", "--batch-id", "b-1", "--device", "test:7"), 3, "scanner.not-found"),
    ],
)  # fmt: skip
def test_wrong_requests_are_explained(
    station: StationHome, arguments: tuple[str, ...], code: int, words: str
):
    result = station.run(*arguments)

    assert result.code == code
    assert words in result.stderr


def test_a_batch_has_one_profile(station: StationHome):
    station.run(*SCAN, "--batch-id", "b-1")
    other = ["bitonal-text" if one == "as-delivered" else one for one in SCAN[:-2]]

    result = station.run(*other, "--batch-id", "b-1")

    assert result.document["problem"]["code"] == "capture.profile-differs"


def test_shows_devices_with_what_they_can_do(station: StationHome, tmp_path: Path):
    (tmp_path / "dll.conf").write_text("test\n")
    result = station.run("devices", "--driver", "sane", SANE_CONFIG_DIR=str(tmp_path))

    assert [one["name"] for one in result.document] == ["test:0", "test:1"]
    assert result.document[0]["profiles"] == ["as-delivered", "bitonal-text", "microfilm"]
    assert [one["source"] for one in result.document[0]["capabilities"]] == ["flatbed", "feeder"]


def test_scans_from_a_network_scanner(station: StationHome):
    with running(EsclServer(size=(600, 900))) as device:
        scan = ("scan", "--profile", "as-delivered", "--no-prompt", "--device", device.address)
        result = station.run(*scan, "--batch-id", "b-1")
        shown = station.run("devices", "--device", device.address)

    # Without --pages and with paper in the feeder: all of it.
    assert (result.code, result.document["driver"], len(result.document["pages"])) == (0, "escl", 3)
    assert shown.document[0]["model"] == "Sim Book Scanner 2"


def test_a_station_loads_nothing_heavy(station: StationHome):
    program = (
        "import sys\nfrom streams.cli.main import main\n"
        "try: main()\nfinally: print('loaded', *sorted(sys.modules), file=sys.stderr)"
    )
    arguments = ["station", *SCAN, "--batch-id", "b-1"]

    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=station.environment({}),
    )

    loaded = ended.stderr.rpartition("loaded ")[2].split()
    assert "streams.clients.capture.closing" in loaded
    assert HEAVY & set(loaded) == set()
