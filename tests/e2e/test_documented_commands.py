"""Every command of README.md and docs/how-to/ runs as written, in order, on one line."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.support import pages
from tests.support.running_line import wait_for

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/how-to/submit-a-folder.md",
    "docs/how-to/run-a-station-on-a-laptop.md",
    "docs/how-to/connect-a-scanner.md",
    "docs/how-to/capture-orders.md",
    "docs/how-to/read-the-audit-log.md",
    "docs/how-to/an-auditors-afternoon.md",
    "docs/audit.md",
    "docs/how-to/receive-packages.md",
    "docs/how-to/when-something-is-quarantined.md",
    "docs/how-to/check-fixity.md",
    "docs/how-to/control-batches.md",
    "docs/how-to/when-the-line-does-not-progress.md",
    "docs/how-to/when-the-disk-is-full.md",
    "docs/how-to/when-memory-grows.md",
    "docs/how-to/several-machines.md",
    "docs/how-to/limit-traffic.md",
    "docs/how-to/give-access-to-kafka.md",
    # Last: from then on the line knows its persons, and takes no other ones.
    "docs/how-to/a-lab-of-five-stations.md",
)
"""The order matters: the README ends the line, the first how-to page starts it for the others."""
ELSEWHERE = {
    "docs/how-to/read-topics-in-other-languages.md": "tests/integration/test_other_languages.py",
    "docs/how-to/review-suggestions.md": "tests/e2e/test_review.py",
    "docs/how-to/run-a-line-on-an-old-machine.md": "tests/integration/test_doctor_tune.py",
    "docs/how-to/write-a-profile.md": "tests/unit/processors/test_profile_how_to.py",
}
"""Pages that a test of their own reads or follows."""
ALWAYS = {"README.md"}
"""What a new user reads first. `make long` runs all pages. Of the others, tests of their own run the same
commands: test_orders.py, test_repository.py, test_scanned_batch.py."""

NOT_RUN = {
    "export COPYSTAND_HOME=/srv/copystand KAFKA_BROKERS=line.example.org:9092": "a second machine",
    "export COPYSTAND_KAFKA_CREDENTIALS=/srv/copystand/kafka.json"
    " COPYSTAND_KAFKA_CA=/etc/copystand/ca.pem": "a second machine",
    "export COPYSTAND_WORKER_ID=machine-2": "a second machine",
    "export COPYSTAND_STATION=/srv/station KAFKA_BROKERS=line.example.org:9092": "a laptop;"
    " tests/integration/test_spool.py has one",
    "export COPYSTAND_UPLOAD_URL=https://line.example.org:8443"
    " COPYSTAND_KAFKA_CA=/srv/station/ca.pem": "a laptop",
    "export COPYSTAND_INGEST_NETWORK=line.example.org:6068": "another name of this machine;"
    " tests/integration/test_ingest.py listens with a certificate",
    "export COPYSTAND_KAFKA_CERTIFICATE=/etc/copystand/chain.pem"
    " COPYSTAND_KAFKA_KEY=/etc/copystand/key.pem": "a certificate of another name",
    "copystand run worker": "a second machine; tests/faults/test_two_machines.py runs it",
    "copystand station scan --profile as-delivered --batch-id ms-2026-31 --device /srv/capture/out"
    " --idle 600 --no-prompt": "waits for files; tests/integration/test_scanners_watch.py has them",
    "copystand station serve --device /srv/capture/out --profile as-delivered --idle 600": "waits for"
    " files; tests/integration/test_serve_command.py has them",
    ".venv/bin/python -m bench.memory derive_page --pages 1000": "takes many minutes",
}
"""Commands that this machine cannot run, or not in time, and why."""

UNTIL_CTRL_C = {"copystand status --watch"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r'"[^"]*"|(?<![\w$./-])[A-Z][A-Z_]{2,}(?![\w=])')
"""Words in capitals outside of quotation marks; what is in them is text."""
EXIT_CODE = re.compile(r"exit code (\d)")
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Command:
    """A command of a page."""

    page: str
    line: int
    text: str
    code: int
    """Exit code that its comment names; else 0."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands_of(page: str) -> list[Command]:
    """The commands in the sh blocks of a page, in order."""
    text = (ROOT / page).read_text("utf-8")
    found = []
    for block in BLOCK.finditer(text):
        if block[1] != "sh":
            continue
        first = text.count("\n", 0, block.start(2)) + 1
        for number, line in enumerate(block[2].splitlines(), first):
            command, _, comment = line.partition(" #")
            code = EXIT_CODE.search(comment)
            if command.strip():
                found.append(Command(page, number, command.strip(), int(code[1]) if code else 0))
    return found


class Reader:
    """Someone who types the commands: a working folder, material, a shell with its exports."""

    def __init__(self, folder: Path, decisions: int) -> None:
        self.folder = folder
        self._decisions = decisions
        self._exports: list[str] = []
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for name, count in (
            ("scans/vol-1", 1),
            ("delivery/ms-fol-88", 2),
            ("delivery/ms-fol-89", 1),
        ):
            pages.write_item(folder / name, count, first=len(name))
        pages.write_page(folder / "corrected-page.tif", 70)
        pages.write_item(folder / "corrected" / "vol-1", 1, first=71)
        limits = (ROOT / "docs/how-to/limit-traffic.md").read_text("utf-8")
        (folder / "limits.toml").write_text(next(one[2] for one in BLOCK.finditer(limits)))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("COPYSTAND", "MAKE"))}
        self._environment = {**inherited, "COPYSTAND_RETRY_SCALE": "0.05", "PYTHONUNBUFFERED": "1"}

    def types(self, command: Command) -> None:
        """Run a command as written, but for its placeholders, and compare its exit code."""
        text = PLACEHOLDER.sub(self._filled, command.text)
        if text.startswith("export "):
            self._exports.append(text)
        if text in UNTIL_CTRL_C:
            code, output = self._interrupted(text)
        else:
            code, output = self._run(text)
        assert code == command.code, f"{command}: exit code {code}\n{output}"

    def _filled(self, found: re.Match[str]) -> str:
        word = found[0]
        return word if word.startswith('"') else PLACEHOLDERS[word](self)

    def _script(self, text: str) -> list[str]:
        return ["sh", "-c", "\n".join([*self._exports, text])]

    def _run(self, text: str) -> tuple[int, str]:
        done = subprocess.run(
            self._script(text),
            cwd=ROOT if text.startswith("make ") else self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        return done.returncode, done.stdout + done.stderr

    def _interrupted(self, text: str) -> tuple[int, str]:
        """A command that shows something and then gets Ctrl-C."""
        with subprocess.Popen(
            self._script(f"exec {text}"),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell ignores Ctrl-C for what it runs in the background, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            assert process.stdout is not None
            shown = process.stdout.readline()
            os.killpg(process.pid, signal.SIGINT)
            return process.wait(COMMAND_SECONDS), shown + process.stdout.read()

    def ask(self, text: str) -> Any:
        """The JSON document of a command that the pages do not show."""
        _, output = self._run(f"{text} --json 2>/dev/null")
        return json.loads(output)

    @cached_property
    def damaged(self) -> list[str]:
        """Quarantine records of pages, one for each decision that the pages make."""
        for number in range(self._decisions):
            item = pages.write_item(self.folder / f"damaged/vol-{number}", 2, first=20 + 2 * number)
            pages.damage(item / "f2.tif")
        self._run("copystand station submit damaged --batch-id damaged --wait")
        rows = self.ask("copystand quarantine list --batch damaged --state open")
        return [row["quarantine_id"] for row in rows]

    @cached_property
    def corrected(self) -> str:
        """A folder with an intact second page of each damaged item."""
        for number in range(self._decisions):
            pages.write_page(self.folder / f"repaired/vol-{number}/f2.tif", 40 + number)
        return "repaired"

    def damaged_object(self) -> str:
        """The digest of a master that was changed, and that a run has found; `backup.tif` has it."""
        masters = Path(self.ask("copystand up")["home"], "masters", "sha256")
        (master,) = masters.rglob(_master(self))
        content = master.read_bytes()
        (self.folder / "backup.tif").write_bytes(content)
        master.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        self._run("copystand fixity run --all")
        return master.name

    def ends(self) -> None:
        """Leave nothing running, after the spool has sent what the pages put into it."""

        def unsent() -> list[str]:
            rows = self.ask("copystand station spool")["deliveries"]
            return [one["batch_id"] for one in rows if one["state"] != "refused"]

        wait_for(lambda: not unsent(), COMMAND_SECONDS, lambda: f"in the spool: {unsent()}", 1)
        self._run("copystand down --now")


PLACEHOLDERS: dict[str, Callable[[Reader], str]] = {
    "FOLDER": lambda reader: "scans",
    "DIRECTORY": lambda reader: "fetched",
    "FILE": lambda reader: "corrected-page.tif",
    "CORRECTED": lambda reader: reader.corrected,
    "DIGEST": lambda reader: reader.damaged_object(),
    "BACKUP": lambda reader: "backup.tif",
    "PACKAGE_ID": lambda reader: reader.ask("copystand packages list")[0]["package_id"],
    "ITEM": lambda reader: reader.ask("copystand packages list")[0]["item_id"],
    "OBJECT": lambda reader: _master(reader),
    "PSEUDONYM": lambda reader: reader.ask("copystand person list")[0]["pseudonym"],
    "PAGE_ID": lambda reader: "damaged.vol-0:0002",
    "QUARANTINE_ID": lambda reader: reader.damaged.pop(),
}


def _master(reader: Reader) -> str:
    """The digest of a master."""
    events = reader.ask("copystand audit events --type 'format identification'")["events"]
    return str(events[0]["sources"][0]).removeprefix("sha256:")


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Reader]:
    """One reader, and so one home, for all pages."""
    # Of those that use the fixture; a run without `long` reads few of the pages.
    tests = [
        test for test in request.session.items if "reader" in getattr(test, "fixturenames", ())
    ]
    texts = [
        command.text for test in tests for command in commands_of(test.callspec.params["page"])
    ]
    decisions = sum(text.count("QUARANTINE_ID") for text in texts)
    one = Reader(tmp_path_factory.mktemp("reader"), decisions)
    yield one
    one.ends()


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page in ALWAYS else [pytest.mark.long]) for page in PAGES],
)
def test_every_command_of_a_page_runs_as_written(reader: Reader, page: str):
    commands = commands_of(page)

    assert commands
    for command in commands:
        if command.text not in NOT_RUN:
            began = time.monotonic()
            reader.types(command)
            print(f"{time.monotonic() - began:5.1f} s  {command}")


def test_the_order_names_every_page_with_commands():
    how_to = {f"docs/how-to/{path.name}" for path in (ROOT / "docs" / "how-to").glob("*.md")}

    assert set(PAGES) == {"README.md", "docs/audit.md", *(how_to - set(ELSEWHERE))}
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())


def test_every_placeholder_and_every_command_left_out_is_known():
    shown = [command.text for page in PAGES for command in commands_of(page)]
    words = {word for text in shown for word in PLACEHOLDER.findall(text) if word[0] != '"'}

    assert words == set(PLACEHOLDERS)
    assert set(shown) >= {*NOT_RUN, *UNTIL_CTRL_C}


@pytest.mark.parametrize("page", PAGES)
def test_no_command_is_in_a_block_that_is_not_run(page: str):
    others = [
        block for block in BLOCK.finditer((ROOT / page).read_text("utf-8")) if block[1] != "sh"
    ]

    hidden = [block[2] for block in others if re.search(r"^(copystand|make) ", block[2], re.M)]
    assert hidden == []
