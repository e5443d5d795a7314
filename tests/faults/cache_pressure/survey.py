"""Lets two workers read through a small cache, kills them, and damages copies; gives the figures."""

import fcntl
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.files import write_atomic
from processors.tools import Area
from streams.settings import Settings
from streams.storage.cache.folder import CacheFolder
from streams.storage.cache.ledger import CacheFigures
from streams.storage.factory import open_storage
from tests.support.s3_store import S3Server

WORKERS = 2
READS_OF_EACH = 4
"""How often a line reads a master: to store, derive, recognize and package it."""
READS_BEYOND = 15
READER = "tests.faults.cache_pressure.reader"
WATCHER = "tests.faults.cache_pressure.watcher"


@dataclass(frozen=True)
class Pressure:
    """What is read, and what happens meanwhile."""

    limit_bytes: int
    objects: int
    object_bytes: int
    kills: int
    damages: int
    seed: int
    seconds: float
    """How long it may take."""

    @property
    def reads(self) -> int:
        """How often objects are read."""
        return READS_OF_EACH * self.objects


@dataclass
class Found:
    """What came of it."""

    figures: CacheFigures = field(default_factory=CacheFigures)
    most_bytes: int = 0
    samples: int = 0
    right: int = 0
    wrong: int = 0
    kills: int = 0
    damages: int = 0
    faults: list[str] = field(default_factory=list)


class Run:
    """The workers of one run, their plan and their cache."""

    def __init__(self, folder: Path, disk: Path, server: S3Server, asked: Pressure) -> None:
        self._folder, self._asked = folder, asked
        self._drawn = random.Random(asked.seed)
        self._environment = {
            "COPYSTAND_HOME": str(folder / "home"),
            "COPYSTAND_STORE_CACHE_GB": str(asked.limit_bytes / 1e9),
            "COPYSTAND_STORE_CACHE_FOLDER": str(disk / "cache"),
            "COPYSTAND_RESERVE_MB": "0",
            **server.environment(f"pressure-{asked.seed}"),
        }
        self.cache = CacheFolder(disk / "cache", asked.limit_bytes)
        self._workers: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Put the masters into the bucket and draw the order of the reads."""
        storage = open_storage(Settings.load(self._environment))
        content = self._drawn.randbytes(self._asked.object_bytes - 8)
        about: dict[str, Any] = {"area": Area.STAGING, "use": "master", "media_type": "image/tiff"}
        objects = [
            storage.keep(b"%08d" % number + content, **about).model_dump()
            for number in range(self._asked.objects)
        ]
        plan = {"objects": objects, "reads": self._order()}
        (self._folder / "plan.json").write_text(json.dumps(plan))
        (self._folder / "reads.log").touch()

    def open_gate(self, number: int) -> None:
        """Let the workers begin reads up to this number."""
        write_atomic(self._folder / "gate", str(number), durable=False)

    def _order(self) -> list[int]:
        """Each object some times, the later reads of it after others: some are still in the cache."""
        window = 1.5 * self._asked.limit_bytes / self._asked.object_bytes
        moments = [
            (number + self._drawn.uniform(0, window) * again, number)
            for number in range(self._asked.objects)
            for again in range(READS_OF_EACH)
        ]
        return [number for _, number in sorted(moments)]

    def start(self) -> None:
        """Start a worker."""
        command = [sys.executable, "-m", READER, str(self._folder / "plan.json")]
        environment = {**os.environ, **self._environment}
        with (self._folder / "workers.log").open("ab") as log:
            self._workers.append(subprocess.Popen(command, env=environment, stderr=log))

    def kill_one(self) -> bool:
        """kill -9 of either worker; another one takes its place. False if it had ended."""
        victim = self._workers.pop(self._drawn.randrange(len(self._workers)))
        victim.kill()
        was_running = victim.wait() < 0
        self.start()
        return was_running

    def damage_one(self) -> bool:
        """Change a byte of a copy that nobody reads at this moment."""
        copies = sorted(self.cache.root.glob("sha256/*/*"))
        for path in self._drawn.sample(copies, len(copies)):
            with suppress(FileNotFoundError), path.open("r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if not path.exists():
                    continue
                at = self._drawn.randrange(max(1, path.stat().st_size - 1))
                byte = os.pread(file.fileno(), 1, at)
                os.pwrite(file.fileno(), bytes([byte[0] ^ 1]), at)
                return True
        return False

    def results(self) -> list[str]:
        """A word for each read."""
        return (self._folder / "reads.log").read_text().split()

    def state(self) -> str:
        """What the workers reported, for messages."""
        return (self._folder / "workers.log").read_text()[-2000:]

    def is_over(self) -> bool:
        """Whether all workers have ended."""
        return all(one.poll() is not None for one in self._workers)

    def end(self) -> list[int]:
        """End what runs; the exit codes."""
        for one in self._workers:
            if one.poll() is None:
                one.kill()
        return [one.wait() for one in self._workers]


def survey(folder: Path, disk: Path, server: S3Server, asked: Pressure) -> Found:
    """Read everything; kill and damage at moments that are drawn from the seed."""
    run, found = Run(folder, disk, server, asked), Found()
    run.prepare()
    with watched(disk, folder / "watched.json"):
        try:
            _drive(run, asked, found)
        finally:
            codes = run.end()
    measured = json.loads((folder / "watched.json").read_text())
    found.most_bytes, found.samples = measured["most_bytes"], measured["samples"]
    found.right, found.wrong = (run.results().count(word) for word in ("right", "wrong"))
    run.cache.sweep()
    found.figures = run.cache.figures()
    found.faults += list(_faults(run, asked, found, codes))
    return found


def _drive(run: Run, asked: Pressure, found: Found) -> None:
    drawn = random.Random(f"{asked.seed} moments")
    kills, damages = (
        sorted(drawn.sample(range(asked.reads // 20, asked.reads * 9 // 10), number))
        for number in (asked.kills, asked.damages)
    )
    run.open_gate(0)
    for _ in range(WORKERS):
        run.start()
    deadline = time.monotonic() + asked.seconds
    while not run.is_over():
        if time.monotonic() > deadline:
            found.faults.append(f"not over within {asked.seconds:g} s: {run.state()}")
            return
        done = len(run.results())
        # Workers that wait here read nothing: beyond the moment there are some reads to disturb.
        run.open_gate(min([*kills[:1], *damages[:1], asked.reads]) + READS_BEYOND + found.kills)
        if kills and done >= kills[0]:
            kills.pop(0)
            found.kills += run.kill_one()
        if damages and done >= damages[0] and run.damage_one():
            damages.pop(0)
            found.damages += 1
        time.sleep(0.005)


def _faults(run: Run, asked: Pressure, found: Found, codes: list[int]) -> Iterator[str]:
    if found.most_bytes > asked.limit_bytes:
        yield f"{found.most_bytes} bytes used, the limit is {asked.limit_bytes}"
    if found.wrong:
        yield f"{found.wrong} reads with wrong bytes"
    if any(codes):
        yield f"a worker ended with {codes}: {run.state()}"
    # A killed worker takes its read with it.
    if found.right + found.wrong < asked.reads - found.kills:
        yield f"{found.right} of {asked.reads} reads"
    if found.kills != asked.kills or found.damages != asked.damages:
        yield f"{found.kills} kills, {found.damages} damages: {run.state()}"


@contextmanager
def watched(disk: Path, result: Path) -> Iterator[None]:
    """A process measures the disk meanwhile."""
    command = [sys.executable, "-m", WATCHER, str(disk), str(result)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        assert watcher.stdin is not None
        watcher.stdin.close()
        watcher.wait(30)


@contextmanager
def disk_in_memory(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A disk that has nothing but the cache; only root can mount one."""
    folder.mkdir()
    options = f"size={size_bytes},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
