"""The exiftool that stays open: its limits, its end, its new beginning."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.processes import children_of, is_alive
from processors import describe_page as step
from processors.metadata_extraction import exiftool
from processors.metadata_extraction.exiftool import Exiftool, UnusableMetadata
from processors.outcome import ToolCrashed, ToolHung
from tests.support.describe_builders import a_master, an_acquired_page, described
from tests.support.imaging_builders import memory_tools


def a_program(folder: Path, *lines: str) -> Path:
    """A program that speaks in exiftool's place."""
    path = folder / "program"
    path.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
    path.chmod(0o755)
    return path


def an_answer(folder: Path, text: str) -> Path:
    """A program that gives this answer to the first question."""
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


def test_an_exiftool_that_was_killed_is_started_again(tmp_path: Path):
    tools = memory_tools(tmp_path)
    page = an_acquired_page(tools, a_master(tools))
    before, _ = described(tools, page)
    pid = step._exiftool().pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    after, _ = described(tools, page)

    assert after == before
    assert step._exiftool().pid != pid


def test_an_exiftool_that_hangs_is_ended_with_all_it_started(tmp_path: Path):
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


def test_an_answer_that_drips_for_ever_is_no_answer(tmp_path: Path):
    dripping = a_program(tmp_path, "while :; do echo -n x; sleep 0.05; done")

    with pytest.raises(ToolHung):
        Exiftool(dripping, answer_seconds=0.4).read(tmp_path)


def test_an_exiftool_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "setpriv").symlink_to("/usr/bin/setpriv")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolCrashed, match="exiftool is not installed"):
        Exiftool().read(tmp_path)
    with pytest.raises(ToolCrashed, match="does not start"):
        Exiftool(tmp_path / "none").read(tmp_path)


def test_a_file_that_is_gone_is_not_taken_for_one_without_metadata(tmp_path: Path):
    running = Exiftool()

    with pytest.raises(ToolCrashed, match="returned no tags of gone"):
        running.read(tmp_path / "gone.tif")


@pytest.mark.parametrize(
    ("answer", "told"),
    [("head -c 17000000 /dev/zero", "more than 16 MB"), ("echo '[{\"a\": '", "not valid JSON")],
    ids=["endless", "broken"],
)
def test_what_cannot_be_used_is_the_files_fault(tmp_path: Path, answer: str, told: str):
    reading = Exiftool(an_answer(tmp_path, answer))

    with pytest.raises(UnusableMetadata, match=told):
        reading.read(tmp_path)


def test_an_answer_about_another_file_is_refused(tmp_path: Path):
    reading = Exiftool(an_answer(tmp_path, """echo '[{"SourceFile": "/other.tif"}]'"""))

    with pytest.raises(ToolCrashed, match="another file"):
        reading.read(tmp_path)


def test_what_an_interrupted_question_left_is_never_taken_for_the_next_answer(
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


def test_it_is_renewed_after_so_many_files_and_when_it_has_grown(
    image: Path, monkeypatch: pytest.MonkeyPatch
):
    running = Exiftool()
    monkeypatch.setattr(exiftool, "FILES_BEFORE_RESTART", 2)
    pids = [running.read(image) and running.pid for _ in range(3)]

    monkeypatch.setattr(exiftool, "MAX_RESIDENT_BYTES", 1_000_000)
    pids.append(running.read(image) and running.pid)

    assert pids[0] == pids[1]
    assert len(set(pids)) == 3


def test_nothing_of_the_users_own_perl_and_configuration_is_used(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".ExifTool_config").write_text("die 'read the configuration';\n")
    for name in ("HOME", "EXIFTOOL_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PERL5OPT", "-MNo::Such::Module")

    tags = Exiftool().read(image)

    assert tags["IFD0:Make"] == "Zeutschel"
    assert "ExifTool:Warning" not in tags


def test_it_ends_with_its_caller_even_when_that_is_killed(image: Path):
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
