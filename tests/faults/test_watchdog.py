"""Roles that hang are restarted, and work that cannot be done waits, as seen from outside."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streams.topology import ROLES
from tests.support import pages
from tests.support.running_line import Line, wait_for

BATCH, PAGES = "batch-1", 16
FAILING_TESSERACT = """#!/bin/sh
case "$*" in *--version*|*--list-langs*) exec {real} "$@" ;; esac
if [ -e {flag} ]; then echo "cannot open shared object file" >&2; exit 127; fi
exec {real} "$@"
"""
BY_PROGRAM = 'extends = "as-delivered"\n[recognition]\nengine = "pytesseract"\n'


@pytest.fixture(scope="module")
def broken_flag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file exists, tesseract fails."""
    return tmp_path_factory.mktemp("broken") / "tesseract-is-broken"


@pytest.fixture(scope="module")
def line(broken_flag: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line whose supervisor kills a role without a sign of life after six seconds."""
    tool = broken_flag.parent / "tesseract"
    tool.write_text(FAILING_TESSERACT.format(real="/usr/bin/tesseract", flag=broken_flag))
    tool.chmod(0o755)
    line = Line(
        tmp_path_factory.mktemp("watched") / "home",
        COPYSTAND_LIVENESS_TIMEOUT="6",
        COPYSTAND_RETRY_SCALE="1",
        PATH=f"{broken_flag.parent}:{os.environ['PATH']}",
    )
    try:
        line.up()
        yield line
    finally:
        line.down()


def health(line: Line, page: str) -> tuple[int, dict]:
    """Status and document of a health page."""
    port = json.loads((line.home / "run" / "ports.json").read_text())["health"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{page}") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)
    except (urllib.error.URLError, ConnectionError):
        return 0, {}


def test_every_stopped_role_is_restarted(line: Line):
    stopped = {role: line.parts()[role]["pid"] for role in ROLES}

    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)

    def all_restarted() -> bool:
        parts = line.parts()
        return all(
            parts[role]["state"] == "ready" and parts[role]["pid"] != stopped[role]
            for role in ROLES
        )

    wait_for(all_restarted, 60, lambda: f"{line.parts()}\n{line.logs()}")
    wait_for(lambda: health(line, "ready")[0] == 200, 30, lambda: str(health(line, "ready")))


ASK_THE_DATABASE = (
    ("status",),
    ("batch", "list"),
    ("batch", "show", BATCH),
    ("quarantine", "list"),
    ("quarantine", "show", "Q"),
    ("packages", "list"),
    ("packages", "show", "P"),
    ("packages", "receive", "P", "--accepted"),
    ("audit", "batch", BATCH),
    ("audit", "item", "vol-1"),
    ("person", "list"),
    ("person", "add", "Anna"),
    ("quarantine", "release", "--all", "--by", "p-1", "--reason", "r"),
    ("down", "--drain"),
)
"""Commands whose answer is in the tables."""


def test_without_its_database_the_line_is_live_and_not_ready_and_each_command_says_so(line: Line):
    pid = line.parts()["postgres"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(
            lambda: "database" in health(line, "ready")[1].get("faults", {}),
            30,
            lambda: str(health(line, "ready")),
        )
        assert health(line, "ready")[0] == 503
        assert health(line, "live")[0] == 200
        # In parallel: each waits some seconds for the server.
        with ThreadPoolExecutor(len(ASK_THE_DATABASE)) as users:
            answers = list(users.map(lambda words: line.run(*words), ASK_THE_DATABASE))
        document = line.run("status", "--json").document
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: health(line, "ready")[0] == 200, 60, lambda: str(health(line, "ready")))
    for words, answer in zip(ASK_THE_DATABASE, answers, strict=True):
        assert (answer.code, "Traceback" in answer.stderr) == (3, False), (words, answer)
    silent = {row["role"] for row in document["roles"] if row["state"] == "no answer"}
    assert (silent, bool(document["database"])) == ({"postgres"}, True)
    assert "batches are unknown" in answers[0].stdout


def test_pages_wait_while_a_tool_is_broken_and_continue_when_it_is_repaired(
    line: Line, broken_flag: Path, tmp_path: Path
):
    pages.write_item(tmp_path / "batch" / "vol-1", PAGES)
    broken_flag.touch()
    (line.home / "profiles").mkdir(exist_ok=True)
    (line.home / "profiles" / "by-program.toml").write_text(BY_PROGRAM)
    words = ("--batch-id", BATCH, "--profile", "by-program")
    line.ask("station", "submit", tmp_path / "batch", *words)

    def waits_for_the_tool() -> bool:
        status = line.ask("status")
        waits = {row["role"]: row["waits_for"] for row in status["roles"]}
        waiting = {row["step"]: row["waiting"] for row in status["retries"]}
        return "waits for text" in (waits["worker"] or "") and waiting.get("recognize_page", 0) > 0

    wait_for(waits_for_the_tool, 60, lambda: f"{line.ask('status')}\n{line.logs()}")
    broken_flag.unlink()

    line.wait_for_figures(BATCH, seconds=120, state="settled")
    assert line.ask("quarantine", "list") == []
    assert line.figures(BATCH)["packaged"] == PAGES
