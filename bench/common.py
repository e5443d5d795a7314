"""What the measurements share: a line of their own, the machine, the commit, processor seconds."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.demo.collection import make_pages

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results.md")
IMAGES = {".tif", ".tiff", ".jpg", ".jpeg", ".png"}
TIMEOUT_SECONDS = 7200
TICKS = os.sysconf("SC_CLK_TCK")

TEXT_ONLY = """
extends = "as-delivered"
description = "Text alone; for measuring against bare Tesseract."
required_branches = ["recognize_page"]
optional_branches = []
"""
NO_WORK = """
extends = "as-delivered"
description = "Masters are taken in and packaged, nothing is made of them."
required_branches = ["recognize_page"]
optional_branches = []
ocr = { enabled = false }
"""


def copystand(home: Path, *words: str, may_fail: bool = False) -> str:
    """Run a command of ours and give its stdout; ends the measurement when it fails."""
    command = [sys.executable, "-m", "streams.cli", *words]
    done = subprocess.run(
        command,
        env={"COPYSTAND_ENRICHMENT": "off", **os.environ, "COPYSTAND_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0 and not may_fail:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


@contextmanager
def line_up(home: Path, **profiles: str) -> Iterator[None]:
    """The line, running in a home of its own that has these profiles."""
    (home / "profiles").mkdir(parents=True)
    for name, text in profiles.items():
        (home / "profiles" / f"{name.replace('_', '-')}.toml").write_text(text)
    try:
        copystand(home, "up")
        yield
    finally:
        copystand(home, "down", "--now")


Measured = Callable[[int, Path, list[Path]], float]
"""What one side needs for a run: its number, the folder, the pages in it."""


def paired_runs(
    asked: argparse.Namespace, scratch: Path, line: Measured, other: Measured
) -> Iterator[tuple[int, float, float]]:
    """Number of pages, and what the line and the other needed, run by run; each run has pages of
    its own, and who goes first alternates."""
    source = asked.source and _images_alone(asked.source, scratch / "source")
    for run in range(asked.runs):
        folder = source or make_pages(scratch / f"run{run}", asked.pages, run).folder
        pages = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES)
        first, second = (line, other) if run % 2 == 0 else (other, line)
        needed = {side: side(run, folder, pages) for side in (first, second)}
        print(f"run {run + 1}: line {needed[line]:.1f} s, other {needed[other]:.1f} s")
        yield len(pages), needed[line], needed[other]


def _images_alone(source: Path, target: Path) -> Path:
    """A folder with the images of another one. A text beside an image would be taken over, and its
    page not read."""
    for path in source.rglob("*"):
        if path.suffix.lower() in IMAGES:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return target


def machine() -> str:
    """The processor and how much of it there is."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def commit() -> str:
    """The commit measured, with a mark when the tree has changes."""
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=10"]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "no commit"


def processes_of(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += parents.get(pid, [])
    return found


def processor_seconds(root: int) -> float:
    """What a process and all below it have used so far, those that have ended included."""
    used = (fields[11:15] for pid in processes_of(root) if (fields := _stat(pid)))
    return sum(int(ticks) for four in used for ticks in four) / TICKS


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def tell(columns: str, result: str, keep: bool) -> None:
    """Print a table of one line, and add the line to the table of that head in results.md."""
    rule = "|---" * (columns.count("|") - 1) + "|"
    print(columns, rule, result, sep="\n")
    if not keep:
        return
    lines = RESULTS.read_text("utf-8").splitlines()
    if columns not in lines:
        lines += ["", columns, rule]
    end = lines.index(columns)
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    lines.insert(end, result)
    RESULTS.write_text("\n".join(lines) + "\n", "utf-8")
