"""`up`, `down` and crashes: running processes, leftovers, and the location of files."""

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infra import processes
from infra.confinement import as_user
from infra.kafka import tail
from infra.permissions import LOCK, OTHERS
from streams.settings_file import settings_file
from streams.topology import ROLES

COMMAND = Path(sys.executable).with_name("copystand")
LIMIT_SECONDS = 200
SETTINGS = "COPYSTAND_KAFKA_HEAP_MB=448\n# ours\nCOPYSTAND_POSTGRES_BUFFERS_MB=208\n"
"""As `doctor --tune --write` or a person writes them."""


class Home:
    """One home, driven by the command."""

    started: "subprocess.CompletedProcess[str]"
    """What the first `up` of a shared home printed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A command with this home."""
        return subprocess.run(
            [str(COMMAND), *words],
            env={**os.environ, "COPYSTAND_HOME": str(self.path), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )

    def ask(self, *words: str) -> Any:
        """The JSON document of a command that must succeed."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def state(self) -> dict[str, Any]:
        """The last state that the supervisor wrote."""
        found: dict[str, Any] = json.loads((self.path / "run" / "supervisor.json").read_text())
        return found

    def logs(self) -> str:
        """The end of every log of this home."""
        return "\n".join(f"{log}:\n{tail(log)}" for log in self.path.glob("log/*.log"))

    def processes(self) -> dict[int, str]:
        """Every running process that names this home in its command or environment."""
        return {
            int(folder.name): command
            for folder in Path("/proc").glob("[0-9]*")
            if folder.name != str(os.getpid()) and (command := self._command_of(folder))
        }

    def _command_of(self, folder: Path) -> str:
        try:
            named = (folder / "cmdline").read_bytes() + b" " + (folder / "environ").read_bytes()
        except OSError:
            return ""
        is_ours = str(self.path).encode() in named and processes.is_alive(int(folder.name))
        return named[:200].replace(b"\0", b" ").decode(errors="replace") if is_ours else ""

    def kill_rest(self) -> None:
        """Kill the rest after a failed test."""
        self.run("down", "--now")
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


def wait_for(holds: Callable[[], bool], seconds: float, last: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s; last: {last()}"
        time.sleep(0.1)


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.iterdir()}


def outside() -> set[Path]:
    """Files at the default locations outside of the home. The semaphores that running workers create
    in /dev/shm are left out."""
    patterns = (
        "hsperfdata*",
        "*PGSQL*",
        "*kafka*",
        "*snappy*",
        "*zstd*",
        "*lz4*",
        "vips-*",
        "tess*",
    )
    temporary = {path for pattern in patterns for path in Path("/tmp").glob(pattern)}
    return temporary | set(Path.home().iterdir()) | set(Path("/dev/shm").glob("PostgreSQL*"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home in which no line was ever started."""
    home = Home(tmp_path / "home")
    yield home
    home.kill_rest()


@pytest.fixture(scope="module")
def line() -> Iterator[Home]:
    """A home with a running line, shared by tests that leave it running.

    Other users can enter the folder that holds it, and before `up` also the home."""
    with TemporaryDirectory(prefix="copystand-") as folder:
        os.chmod(folder, 0o755)
        line = Home(Path(folder) / "home")
        (line.path / "run").mkdir(parents=True)
        line.path.chmod(0o755)
        (line.path / LOCK).touch()
        (line.path / LOCK).chmod(0o644)
        settings_file(line.path).write_text(SETTINGS)
        settings_file(line.path).chmod(0o600)
        line.started = line.run("up")
        assert line.started.returncode == 0, f"{line.started}\n{line.logs()}"
        yield line
        line.kill_rest()


def as_another_user(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """A command as a user who owns nothing here."""
    identity = ("--reuid=nobody", "--regid=nogroup", "--clear-groups")
    words = ["setpriv", *identity, "--", *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_up_makes_an_open_home_private_and_says_so(line: Home):
    said = " ".join(line.started.stderr.split())
    open_to_others = [
        str(path.relative_to(line.path))
        for path in (line.path, *line.path.rglob("*"))
        if path != line.path / "run" and not path.is_symlink() and path.stat().st_mode & OTHERS
    ]

    assert "was 0755 and is now 0700" in said
    assert len(list(line.path.rglob("*"))) > 100
    assert open_to_others == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_no_file_and_cannot_lock_the_home(line: Home):
    assert as_another_user("ls", line.path.parent).stdout.split() == ["home"]
    for command in (
        ("ls", line.path),
        ("cat", line.path / "run" / "postgres.password"),
        ("cat", line.path / "log" / "tracker.log"),
        ("flock", "--nonblock", line.path / LOCK, "true"),
    ):
        refused = as_another_user(*command)
        assert refused.returncode != 0 and "Permission denied" in refused.stderr, refused


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as the same user")
def test_postgresql_has_no_capabilities_and_reaches_only_its_data(line: Home):
    pid = line.state()["parts"]["postgres"]["pid"]
    status = dict(
        one.split(":\t", 1) for one in Path(f"/proc/{pid}/status").read_text().splitlines()
    )

    if as_user("postgres", line.path / "postgres")[0] != "unshare":
        pytest.skip("this machine refuses a mount namespace to root")
    assert pwd.getpwuid(int(status["Uid"].split()[0])).pw_name == "postgres"
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert os.listdir(f"/proc/{pid}/root{line.path}") == ["postgres"]


def test_the_servers_have_the_sizes_of_the_settings_file(line: Home):
    parts = line.state()["parts"]
    kafka, postgres = (
        Path(f"/proc/{parts[name]['pid']}/cmdline").read_bytes().decode().split("\0")
        for name in ("kafka", "postgres")
    )

    assert {"-Xms224m", "-Xmx448m"} < set(kafka)
    assert "shared_buffers=208MB" in postgres


def test_a_second_up_says_that_the_line_is_running(line: Home):
    again = line.run("up", "--json")

    assert again.returncode == 0
    assert "is already running" in again.stderr
    assert json.loads(again.stdout)["ports"] == line.state()["ports"]


def test_status_shows_every_part(line: Home):
    status = line.ask("status")

    assert status["batches"] == []
    keys = {"role", "pid", "state", "lag", "restarts", "waits_for"}
    assert all(keys == set(row) for row in status["roles"])
    assert {(row["role"], row["state"], row["restarts"]) for row in status["roles"]} == {
        (role, "ready", 0) for role in ("kafka", "postgres", *ROLES)
    }, f"{status}\n{line.logs()}"


@pytest.mark.long
def test_a_second_home_starts_and_stops_and_leaves_nothing(line: Home, home: Home, tmp_path: Path):
    before = outside()

    up = home.ask("up")
    down = home.ask("down")

    assert up["home"] == str(home.path)
    assert up["ports"] == json.loads((home.path / "run" / "ports.json").read_text())
    assert set(up["ports"].values()).isdisjoint(line.state()["ports"].values())
    assert set(down) == {"home", "ports", "seconds"}
    assert home.processes() == {}
    assert listing(tmp_path) == {"home"}
    assert outside() - before == set()
    assert all(row["state"] == "ready" for row in line.ask("status")["roles"])


def test_status_shows_the_limits_of_traffic(line: Home):
    file = line.path / "traffic.toml"
    without = line.ask("status")["traffic"]
    file.write_text("[link]\nrate_mbit = 40\n")
    try:
        limited = line.ask("status")["traffic"]
    finally:
        file.unlink()

    assert without is None
    assert (limited["rate_mbit"], limited["fault"]) == (40, None)
    assert [one["class"] for one in limited["classes"]] == [
        *("masters", "access", "packages", "repair"),
    ]


def test_a_killed_supervisor_leaves_no_process_and_the_home_starts_again(line: Home):
    killed = line.state()["pid"]

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: line.processes() == {}, 10, line.processes)
    assert line.run("status").returncode == 3
    line.ask("up")
    assert line.state()["pid"] != killed


def test_status_of_a_stopped_home_says_how_to_start_it(home: Home):
    done = home.run("status", "--json")

    assert done.returncode == 3
    assert done.stdout == ""
    assert "copystand up" in done.stderr


def test_down_of_a_stopped_home_succeeds(home: Home):
    assert home.run("down").returncode == 0


def test_up_names_a_missing_requirement_before_anything_starts(home: Home, tmp_path: Path):
    done = home.run("up", COPYSTAND_CACHE=str(tmp_path))

    assert done.returncode == 3
    assert "kafka is missing" in done.stderr
    assert "make install" in done.stderr
    assert home.processes() == {}


def test_an_interrupted_up_leaves_no_process(home: Home):
    starting = subprocess.Popen(
        [str(COMMAND), "up"],
        env={**os.environ, "COPYSTAND_HOME": str(home.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        # Tests that run in the background ignore SIGINT, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    log = home.path / "log" / "kafka.log"
    wait_for(log.exists, 60, lambda: "no broker was started")

    starting.send_signal(signal.SIGINT)

    assert starting.wait(60) == 1
    assert home.processes() == {}
