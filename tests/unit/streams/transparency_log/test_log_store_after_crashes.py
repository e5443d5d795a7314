"""The log on disk after cuts, kills and full disks: a prefix of what was appended, with all that was
acknowledged."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.transparency_log import journal, log_store
from streams.transparency_log.log_store import LogClosed, LogStore
from tests.support.leaves import assert_is_log_of, leaves


def test_a_journal_that_is_cut_at_any_byte_keeps_what_was_appended_before(tmp_path: Path):
    log = LogStore(tmp_path / "log")
    log.append(leaves(0, 20))
    before = log._journal.size_bytes
    log.append(leaves(20, 24))
    after = log._journal.size_bytes
    log.close()
    name = log._journal.path.relative_to(tmp_path / "log")
    content = (tmp_path / "log" / name).read_bytes()
    sizes = set()

    for cut in range(before, after + 1):
        for tail in (b"", bytes(after - cut), b"\xff" * (after - cut)):
            (tmp_path / "log" / name).write_bytes(content[:cut] + tail)
            log = LogStore(tmp_path / "log")
            assert_is_log_of(log, leaves(0, log.size))
            sizes.add(log.size)
            log.append([b"next"])
            assert log.leaf(log.size - 1) == b"next"
            log.close()

    assert sizes == set(range(20, 25))


def test_tiles_that_a_power_cut_lost_or_tore_are_written_again(tmp_path: Path):
    draw, log = random.Random(2), LogStore(tmp_path / "log")
    log.append(leaves(0, 5000))
    log.append(leaves(5000, 6000))
    log.write_partial_tiles()
    unsynced = [path.relative_to(tmp_path / "log") for path in log._unsynced]
    partial = [path.relative_to(tmp_path / "log") for path in tmp_path.rglob("*.p/*")]
    log.close()
    assert len(unsynced) > 6 and len(partial) == 3

    for number in range(12):
        image = tmp_path / f"image-{number}"
        shutil.copytree(tmp_path / "log", image)
        for path in unsynced + partial:
            kept = (image / path).read_bytes()[: draw.choice([0, draw.randrange(8192), 10**6])]
            lost = draw.random() < 0.3
            (image / path).unlink() if lost else (image / path).write_bytes(kept)

        log = LogStore(image)

        assert_is_log_of(log, leaves(0, 6000))
        assert all((image / path).stat().st_size for path in unsynced)
        log.close()


@pytest.mark.parametrize("step", ["fsync_folder", "create_journal", "fsync_file"])
def test_an_end_at_any_step_of_a_new_journal_loses_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Cuts the sequence before and after each call of a step."""
    monkeypatch.setattr(log_store, "LEAVES_OF_A_JOURNAL", 512)
    for calls in range(60):
        for after in (False, True):
            folder = tmp_path / f"{calls}-{after}"
            log = LogStore(folder)
            log.append(leaves(0, 500))
            with monkeypatch.context() as patch:
                ended = _end_at(patch, step, calls, after)
                try:
                    log.append(leaves(500, 700))
                except KeyboardInterrupt:
                    pass
            log.close()
            opened = LogStore(folder)
            assert_is_log_of(opened, leaves(0, 700))
            assert len(journal.first_indexes(folder / "journal")) == 1
            opened.close()
            shutil.rmtree(folder)
        if not ended:
            assert calls
            return
    raise AssertionError("the step is called more often than expected")


def _end_at(patch: pytest.MonkeyPatch, step: str, calls: int, after: bool) -> list[bool]:
    original, count, ended = getattr(log_store, step), [0], []

    def replaced(*arguments: object) -> object:
        count[0] += 1
        if count[0] == calls + 1:
            ended.append(True)
            if after:
                original(*arguments)
            raise KeyboardInterrupt
        return original(*arguments)

    patch.setattr(log_store, step, replaced)
    return ended


@pytest.mark.parametrize("written", [0, 10, 10**6])
def test_a_full_disk_leaves_the_log_as_it_was(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = LogStore(tmp_path)
    log.append(leaves(0, 100))
    pwrite = os.pwrite

    def full(handle: int, content: bytes, place: int) -> int:
        pwrite(handle, content[:written], place)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError):
            log.append(leaves(100, 200))

    assert log.append(leaves(100, 120)) == 120
    log.close()
    assert_is_log_of(LogStore(tmp_path), leaves(0, 120))


def test_a_disk_that_is_full_when_tiles_are_written_closes_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = LogStore(tmp_path)
    log.append(leaves(0, 200))

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log_store, "write_atomic", full)
        with pytest.raises(OSError):
            log.append(leaves(200, 300))

    with pytest.raises(LogClosed):
        log.append(leaves(300, 301))
    # The leaves were in the journal, so they are in the log.
    assert_is_log_of(LogStore(tmp_path), leaves(0, 300))


WRITER = """
import random, sys
from pathlib import Path
from streams.transparency_log.log_store import LogStore
def leaves(start, end):
    return [f"{number}:".encode() + bytes(number % 7) for number in range(start, end)]
log, draw = LogStore(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
print(log.size, flush=True)
while True:
    print(log.append(leaves(log.size, log.size + draw.randint(1, 900))), flush=True)
    if draw.random() < 0.5:
        log.write_partial_tiles()
"""


def test_a_writer_that_is_killed_loses_nothing_that_was_acknowledged(tmp_path: Path):
    draw, acknowledged = random.Random(3), 0
    for round_number in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(draw.randint(2, 30)):
            acknowledged = max(acknowledged, int(writer.stdout.readline()))
        writer.send_signal(signal.SIGKILL)
        printed = writer.stdout.read().splitlines()
        acknowledged = max([acknowledged, *map(int, printed[:-1])])
        writer.wait()
        log = LogStore(tmp_path)
        assert log.size >= acknowledged
        assert_is_log_of(log, leaves(0, log.size))
        log.close()
    assert acknowledged > 1000
