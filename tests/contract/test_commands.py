"""A command answers a test the same, whether its process is started or forked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.forked_commands import forks
from tests.support.running_line import COMMAND, wait_for


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--version",), 0),
        (("explain", "page.not-decodable", "--json"), 0),
        (("explain", "no.such-code"), 2),
        (("status", "--json"), 3),
        (("station", "check", "vol-1", "--json"), 1),
        (("batch", "list", "--no-such-option"), 2),
    ],
)
def test_a_forked_command_answers_as_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
):
    environment = os.environ | {"COPYSTAND_HOME": str(tmp_path / "home")}
    pages.damage(pages.write_page(tmp_path / "vol-1" / "f1.tif", 1))
    monkeypatch.chdir(tmp_path)

    started = subprocess.run(
        [COMMAND, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    forked = forks().run(words, environment, 60)

    assert started.returncode == code, started
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        *(started.returncode, started.stdout, started.stderr),
    )


def test_a_forked_command_that_takes_too_long_is_killed():
    with pytest.raises(subprocess.TimeoutExpired):
        forks().run(["status"], os.environ, 0.001)


def test_the_process_that_forks_ends_with_the_one_that_asks():
    program = "from tests.support.forked_commands import forks; print(forks()._process.pid)"
    asked = [sys.executable, "-c", program]

    pid = int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)

    process = Path(f"/proc/{pid}")
    wait_for(lambda: not process.exists(), 20, lambda: f"process {pid} runs")
