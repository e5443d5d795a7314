"""The line under misfortunes: three brokers, proxies before its servers, a small disk of its own."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from infra import paths, ports, processes
from streams.settings import Settings
from tests.faults.chaos.proxies import Proxies, between
from tests.faults.chaos.schedule import BROKERS, ROLES
from tests.support.running_line import Line

CLOCKS = Path(__file__).with_name("clocks")
DISK_BYTES = 3 << 30
DISK_INODES = 60_000
BROKER_DISK_BYTES = 2 << 30
SERVICES = (*BROKERS, "postgres")
RETRY_SCALE = "0.05"


class ChaosLine(Line):
    """A line with three brokers, whose clients come to its servers through proxies."""

    def __init__(self, home: Path, proxies: Path, **environment: str) -> None:
        """A line that does not run yet; its proxies do."""
        names = ports.names(len(BROKERS))
        paths.prepare_home(home)
        clients = between(SERVICES, set())
        self.chosen = ports.choose(home, names, clients)
        upstream = {name: ports.listen_port(self.chosen, name) for name in SERVICES}
        self.proxies = Proxies(proxies, upstream, clients)
        given = ",".join(f"{name}={port}" for name, port in clients.items())
        super().__init__(
            home,
            COPYSTAND_BROKERS=str(len(BROKERS)),
            COPYSTAND_CLIENT_PORTS=given,
            COPYSTAND_RETRY_SCALE=RETRY_SCALE,
            PYTHONPATH=str(CLOCKS),
            CHAOS_CLOCKS="1",
            **environment,
        )

    def servers(self) -> str:
        """Bootstrap servers, all of them, through the proxies."""
        return ",".join(f"127.0.0.1:{port}" for port in ports.brokers(self.chosen))

    def dsn(self, role: str = "postgres") -> str:
        """Connection string of a Postgres role, past the proxies."""
        through = super().dsn(role)
        there, here = self.chosen["postgres"], ports.listen_port(self.chosen, "postgres")
        return through.replace(f"127.0.0.1:{there}/", f"127.0.0.1:{here}/")

    def settings(self) -> Settings:
        """What a station in this home goes by."""
        return Settings.load({"COPYSTAND_HOME": str(self.home)})

    def pid(self, part: str) -> int | None:
        """Pid of a running part, None while it is not there; never one that is not the line's."""
        try:
            supervisor = int((self.home / "run" / "supervisor.lock").read_text())
            pid = self.parts()[part]["pid"]
        except (OSError, ValueError, KeyError):
            return None
        return pid if pid in processes.children_of(supervisor) and processes.is_alive(pid) else None

    def pool_children(self) -> list[int]:
        """Pids of the worker's children that work, in order."""
        worker = self.pid("worker")
        found = processes.children_of(worker) if worker else []
        return sorted(pid for pid in found if b"spawn_main" in _command(pid))

    def finished(self) -> int | None:
        """Pages that came to an end, None while the database cannot tell."""
        query = "SELECT coalesce(sum(packaged + quarantined + cancelled), 0) FROM line.batch_status"
        with suppress(psycopg.Error), psycopg.connect(self.dsn(), connect_timeout=3) as database:
            row = database.execute(query).fetchone()
            return int(row[0]) if row else 0
        return None

    def wake_all(self) -> None:
        """Let everything go on that was stopped."""
        for name in (*ROLES, *SERVICES):
            pid = self.pid(name)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def keep_logs(self, folder: Path) -> None:
        """Copy the logs to where somebody can read them after the home is gone."""
        shutil.copytree(self.home / "log", folder, dirs_exist_ok=True)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def disk(home: Path, *, one_disk: bool = False) -> Iterator[Path]:
    """A small file system for a home, that can be filled; one of its own for each broker.

    Brokers have theirs, as in a lab, unless there is to be one disk for everything. Without root
    there is none, and the home is a folder like any other."""
    mounted: list[Path] = []
    try:
        if os.geteuid() == 0:
            _mount(home, DISK_BYTES, mounted)
            for name in () if one_disk else BROKERS:
                _mount(home / name, BROKER_DISK_BYTES, mounted)
        yield home
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", str(place)], check=False)


def _mount(place: Path, size_bytes: int, mounted: list[Path]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    words = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={size_bytes},nr_inodes={DISK_INODES},mode=755",
        "chaos",
        str(place),
    ]
    subprocess.run(words, check=True)
    mounted.append(place)
