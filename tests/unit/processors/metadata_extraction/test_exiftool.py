"""The exiftool process has limits, ends with its caller and is restarted."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from infra.processes import children_of, is_alive
from processors.metadata_extraction import exiftool
from processors.metadata_extraction.exiftool import Exiftool, UnusableMetadata
from processors.outcome import ToolCrashed, ToolHung
from tests.support.describe_builders import a_master
from tests.support.imaging_builders import memory_tools


def a_program(folder: Path, *lines: str) -> Path:
    """A program that runs instead of exiftool."""
    path = folder / "program"
    path.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
    path.chmod(0o755)
    return path


def an_answer(folder: Path, text: str) -> Path:
    """A program that gives this answer to the first request."""
    return a_program(
        folder, "while read -r word; do", '  [[ "$word" == -execute* ]] && break', "done",
        text, 'echo "{ready${word#-execute}}"', "sleep 60",
    )  # fmt: skip


def until_gone(pid: int) -> bool:
    """Whether a process ends within five seconds."""
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    tools = memory_tools(tmp_path)
    return tools.storage.path(a_master(tools, "-Make=Zeutschel"))


def without_times_of_access(found: dict[str, Any]) -> dict[str, Any]:
    """What exiftool found, but for when the file was read last: the answer itself changes that."""
    return {name: value for name, value in found.items() if name != "System:FileAccessDate"}


def test_a_killed_exiftool_is_started_again(image: Path):
    running = Exiftool()
    before = without_times_of_access(running.read(image))
    pid = running.pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    after = without_times_of_access(running.read(image))

    assert after == before
    assert running.pid not in (None, pid)
    running.close()


def test_a_hanging_exiftool_is_killed_with_its_children(tmp_path: Path):
    # The second sleep holds the output open: killing the first process alone would not end it.
    hanging = Exiftool(a_program(tmp_path, "sleep 60 &", "sleep 60"), answer_seconds=0.5)
    started: list[int] = []

    def look() -> None:
        pid = hanging.pid
        started.extend([pid, *children_of(pid)] if pid else [])

    watch = threading.Timer(0.3, look)
    watch.start()
    began = time.monotonic()

    with pytest.raises(ToolHung, match=r"no answer in 0\.5 s"):
        hanging.read(tmp_path)

    assert time.monotonic() - began < 5
    assert len(started) == 3
    assert all(until_gone(pid) for pid in started)
    assert hanging.pid is None


def test_an_endless_answer_times_out(tmp_path: Path):
    dripping = a_program(tmp_path, "while :; do echo -n x; sleep 0.05; done")

    with pytest.raises(ToolHung):
        Exiftool(dripping, answer_seconds=0.4).read(tmp_path)


def test_a_missing_exiftool_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "setpriv").symlink_to("/usr/bin/setpriv")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolCrashed, match="exiftool is not installed"):
        Exiftool().read(tmp_path)
    with pytest.raises(ToolCrashed, match="does not start"):
        Exiftool(tmp_path / "none").read(tmp_path)


def test_a_missing_file_is_not_a_file_without_metadata(tmp_path: Path):
    running = Exiftool()

    with pytest.raises(ToolCrashed, match="returned no tags of gone"):
        running.read(tmp_path / "gone.tif")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("head -c 17000000 /dev/zero", "more than 16 MB"), ("echo '[{\"a\": '", "not valid JSON")],
    ids=["endless", "broken"],
)
def test_unusable_output_is_a_problem_of_the_file(tmp_path: Path, answer: str, expected: str):
    reading = Exiftool(an_answer(tmp_path, answer))

    with pytest.raises(UnusableMetadata, match=expected):
        reading.read(tmp_path)


def test_an_answer_about_another_file_is_refused(tmp_path: Path):
    reading = Exiftool(an_answer(tmp_path, """echo '[{"SourceFile": "/other.tif"}]'"""))

    with pytest.raises(ToolCrashed, match="another file"):
        reading.read(tmp_path)


def test_the_rest_of_an_interrupted_answer_is_not_read_as_the_next_one(
    image: Path, monkeypatch: pytest.MonkeyPatch
):
    running = Exiftool()
    running.read(image)

    def out_of_memory(*_: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(exiftool.os, "read", out_of_memory)
        with pytest.raises(MemoryError):
            running.read(image)

    assert running.pid is None
    assert running.read(image)["IFD0:Make"] == "Zeutschel"


def test_it_is_restarted_after_many_files_and_when_it_has_grown(
    image: Path, monkeypatch: pytest.MonkeyPatch
):
    running = Exiftool()
    monkeypatch.setattr(exiftool, "FILES_BEFORE_RESTART", 2)
    pids = [running.read(image) and running.pid for _ in range(3)]

    monkeypatch.setattr(exiftool, "MAX_RESIDENT_BYTES", 1_000_000)
    pids.append(running.read(image) and running.pid)

    assert pids[0] == pids[1]
    assert len(set(pids)) == 3


def test_perl_settings_and_configuration_of_the_user_are_ignored(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".ExifTool_config").write_text("die 'read the configuration';\n")
    for name in ("HOME", "EXIFTOOL_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PERL5OPT", "-MNo::Such::Module")

    tags = Exiftool().read(image)

    assert tags["IFD0:Make"] == "Zeutschel"
    assert "ExifTool:Warning" not in tags


def test_it_ends_with_its_caller_even_if_that_is_killed(image: Path):
    program = (
        "import os, sys, pathlib\n"
        "from processors.metadata_extraction.exiftool import Exiftool\n"
        "running = Exiftool()\n"
        "running.read(pathlib.Path(sys.argv[1]))\n"
        "print(running.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )

    caller = subprocess.run([sys.executable, "-c", program, str(image)], capture_output=True)

    assert caller.returncode == -signal.SIGKILL
    assert until_gone(int(caller.stdout))
