"""A folder that other software writes to: each file is taken once, when it is complete."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from processors.profile import Profile, canonical, resolve
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.captured_page import CapturedPage
from streams.clients.capture.closing import close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.scanners.agreement import agree
from streams.clients.scanners.capture_settings import Wishes
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.scanners.watch_driver import WatchDriver
from tests.support.vendor_writer import image, work

PROFILE = Profile.from_json(canonical(resolve("as-delivered")))
SETTLE, IDLE = 0.1, 0.4


@dataclass
class Watched:
    """A watched folder and the batch that its files go to."""

    source: Path
    batch: CaptureFolder

    def take(
        self, count: int | None = None, settle: float = SETTLE, idle: float = IDLE
    ) -> list[CapturedPage]:
        """One `station scan`, until nothing new comes."""
        with self.batch.opened(PROFILE.name):
            item = item_folder(self.batch, None)
            scanner = WatchDriver(settle, idle).open(str(self.source))
            scanner.resume(
                [one.document() for each in self.batch.items() for one in self.batch.pages(each)]
            )
            settings = agree(PROFILE, scanner.capabilities(), Wishes()).settings
            assert settings is not None
            session = CaptureSession(self.batch, scanner, settings, PROFILE)
            taken = list(session.capture(item, count))
            session.take_sidecars(item)
            return taken

    def files(self) -> dict[str, bytes]:
        """The images in the batch by item and name."""
        return {
            f"{path.parent.name}/{path.name}": path.read_bytes()
            for path in self.batch.files.rglob("*")
            if path.suffix in (".tif", ".png", ".jpg")
        }


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    source = tmp_path / "vendor"
    source.mkdir()
    return Watched(source, CaptureFolder(tmp_path / "batch", "b-1"))


def test_500_files_of_three_writers_are_each_taken_once_and_complete(watched: Watched):
    amounts = {"ms-1": (167, 1), "ms-2": (167, 2), "ms-3": (166, 3)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.vendor_writer", str(watched.source), name]
            + [str(one) for one in amount]
        )
        for name, amount in amounts.items()
    ]

    watched.take(settle=0.2, idle=1.5)

    assert [writer.wait() for writer in writers] == [0, 0, 0]
    # What came while the last files were taken.
    watched.take(settle=0.2)
    wanted = {
        f"{name}/{path.name}": path.read_bytes()
        for name in amounts
        for path in (watched.source / name).iterdir()
        if path.suffix in (".tif", ".png")
    }
    assert len(wanted) == 500
    assert watched.files() == wanted
    with watched.batch.opened(None):
        closed = close_batch(watched.batch)
    assert closed.delivery.page_count == 500
    assert [item["item_id"] for item in closed.delivery.manifest["items"]] == list(amounts)
    sidecars = [path.name for path in (watched.batch.files / "ms-1").glob("*.xml")]
    assert sorted(sidecars) == [f"{number:04d}.xml" for number in range(0, 167, 10)]


def test_a_file_is_taken_when_it_is_complete_and_not_when_it_appears(watched: Watched):
    content = image(1)
    (watched.source / "0001.tif").write_bytes(content[: len(content) // 2])

    with pytest.raises(ScannerProblem) as problem:
        watched.take()
    assert problem.value.code == "capture.file-not-ready"
    assert watched.files() == {}

    (watched.source / "0001.tif").write_bytes(content)
    watched.take()

    assert watched.files() == {"item-1/0001.tif": content}


def test_a_file_that_was_taken_is_not_taken_again(watched: Watched):
    (watched.source / "0001.tif").write_bytes(image(1))

    first, second = watched.take(), watched.take()

    assert (len(first), len(second)) == (1, 0)


def test_a_file_that_is_written_again_replaces_its_page(watched: Watched):
    (watched.source / "0001.tif").write_bytes(image(1))
    (first,) = watched.take()
    (watched.source / "0001.tif").write_bytes(image(3))
    (second,) = watched.take()

    assert watched.files() == {"item-1/0001.tif": image(3)}
    assert second.record.previous is not None
    assert second.record.previous["sha256"] == first.record.sha256


def test_a_file_that_is_renamed_later_keeps_one_page(watched: Watched):
    (watched.source / "raw.tif").write_bytes(image(1))
    (before,) = watched.take()
    (watched.source / "ms-1").mkdir()
    (watched.source / "raw.tif").rename(watched.source / "ms-1" / "0001.tif")

    (after,) = watched.take()

    assert watched.files() == {"ms-1/0001.tif": image(1)}
    # Another name is not another capture.
    assert (after.record.event_id, after.record.previous) == (before.record.event_id, None)


def test_two_files_with_the_same_content_are_two_pages(watched: Watched):
    (watched.source / "0001.tif").write_bytes(image(1))
    watched.take()
    (watched.source / "0001.tif").unlink()
    (watched.source / "0002.tif").write_bytes(image(1))

    watched.take()

    assert set(watched.files()) == {"item-1/0001.tif", "item-1/0002.tif"}


def test_pages_have_the_order_of_their_names_and_not_of_their_arrival(watched: Watched):
    for number in (10, 2, 1):
        (watched.source / f"f{number}.tif").write_bytes(image(number * 2 + 1))
        watched.take()
    with watched.batch.opened(None):
        manifest = close_batch(watched.batch).delivery.manifest

    paths = [page["file"]["path"] for page in manifest["items"][0]["pages"]]
    assert paths == ["item-1/f1.tif", "item-1/f2.tif", "item-1/f10.tif"]


def test_the_digests_of_the_vendor_are_taken_along_and_checked(watched: Watched):
    content = image(1)
    (watched.source / "0001.tif").write_bytes(content)
    digest = hashlib.md5(content).hexdigest()
    (watched.source / "0001.tif.md5").write_text(f"{digest}  0001.tif\n")
    watched.take()

    with watched.batch.opened(None):
        delivery = close_batch(watched.batch).delivery

    (page,) = delivery.manifest["items"][0]["pages"]
    assert page["file"]["vendor_checksums"] == [f"md5:{digest}"]
    assert delivery.may_be_published


def test_missing_files_are_reported(watched: Watched):
    (watched.source / "0001.tif").write_bytes(image(1))

    with pytest.raises(ScannerProblem) as problem:
        watched.take(count=2)

    assert problem.value.code == "capture.files-missing"
    assert set(watched.files()) == {"item-1/0001.tif"}


def test_nothing_in_the_folder_of_the_vendor_is_changed(watched: Watched):
    list(work(watched.source, "ms-1", 5, 1))
    before = {path: (path.read_bytes(), path.stat()) for path in watched.source.rglob("*.*")}

    watched.take()

    assert {path: (path.read_bytes(), path.stat()) for path in before} == before
