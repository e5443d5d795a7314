"""`station serve` with SANE's test device and a watched folder: killed, stopped, and continued."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyvips

from streams.clients.capture.served_batches import ServedBatches
from streams.clients.spool.background import is_running
from streams.clients.spool.deliveries import OPEN, Deliveries
from streams.clients.spool.spool_database import LOG, open_spool
from streams.clients.station.capture_record import digest_of
from tests.support.deliveries import a_png
from tests.support.running_line import wait_for

COMMAND = [str(Path(sys.executable).with_name("copystand")), "station", "serve", "--json"]
ENDS = ("batch-closed", "queued")
FEEDER = ("--device", "test:0", "--resolution", "60", "--profile", "as-delivered")


def begun(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "COPYSTAND_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(process: "subprocess.Popen[str]", until: str) -> list[dict[str, Any]]:
    """The events up to the first of this name."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    for line in process.stdout:
        found.append(json.loads(line))
        if found[-1]["event"] == until:
            return found
    stderr = process.stderr.read() if process.stderr else ""
    raise AssertionError(f"no event {until}: {found}\n{stderr}")


def cancelled(home: Path) -> list[tuple[str, str]]:
    """Batch and id of what waits in the spool, in order. It is cancelled, so that the process ends
    that works on it."""
    spool = home / "spool"
    with open_spool(spool) as opened:
        deliveries = Deliveries(opened)
        waiting = [one for one in deliveries.all() if one.state in OPEN]
        for one in waiting:
            deliveries.cancel(one.id)
    wait_for(lambda: not is_running(spool), 120, lambda: (spool / LOG).read_text())
    return [(one.batch_id, one.id) for one in waiting]


def test_serve_that_is_killed_continues_with_the_same_batch(tmp_path: Path):
    rule = ("--pages", "80", "--idle", "600")
    for _ in range(3):
        process = begun(tmp_path, *FEEDER, *rule)
        events(process, "page")
        time.sleep(0.4)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    process = begun(tmp_path, *FEEDER, *rule)
    found = events(process, "queued")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.communicate()
    assert cancelled(tmp_path) == [(found[-1]["batch_id"], found[-1]["id"])]

    (closed,) = [one for one in found if one["event"] == "batch-closed"]
    assert closed["pages"] == 80
    first, *others = ServedBatches(tmp_path / "spool" / "captures", "test:0", "")
    assert first.is_closed and first.is_submitted
    assert [one.page_count() for one in others] in ([], [0])
    (item,) = first.items_with_pages()
    records = first.folder.pages(item)
    assert [one.ref for one in records] == [f"{number:04d}" for number in range(1, 81)]
    for one in records:
        path = first.folder.files / item / one.file
        assert digest_of(path) == one.sha256
        pyvips.Image.new_from_file(str(path), fail_on="warning", revalidate=True).avg()


def test_serve_takes_each_file_of_a_watched_folder_once(tmp_path: Path):
    watched, home = tmp_path / "out", tmp_path / "home"
    (watched / "ms-1").mkdir(parents=True)
    (watched / "ms-1" / "f1.png").write_bytes(a_png(1))
    arguments = ("--device", str(watched), "--profile", "as-delivered", "--idle", "1")

    first = begun(home, *arguments)
    # No line runs here: the batches wait in the spool, and the work goes on.
    found = events(first, "queued")
    (watched / "ms-1" / "f2.png").write_bytes(a_png(2))
    found += events(first, "queued")
    closed, queued = ([one for one in found if one["event"] == name] for name in ENDS)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    first.communicate()
    second = begun(home, *arguments, "--until-idle", "1")
    last = events(second, "stopped")
    second.communicate()

    assert [one["pages"] for one in closed] == [1, 1]
    assert [one["batch_id"] for one in closed] == [one["batch_id"] for one in queued]
    assert cancelled(home) == [(one["batch_id"], one["id"]) for one in queued]
    assert [one for one in last if one["event"] == "page"] == []


def test_serve_needs_a_feeder_that_keeps_the_profile(tmp_path: Path):
    wrong = ("--device", "test:0", "--profile", "book-colour", "--until-idle", "0")

    process = begun(tmp_path, *wrong)
    found = events(process, "stopped")
    process.communicate()

    assert found[-2]["code"] == "scanner.cannot-keep-profile"
