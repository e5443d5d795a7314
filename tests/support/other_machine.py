"""A worker as on another machine: another Unix user, another home, only addresses to go by."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.running_line import STEP_DONE

COMMAND = Path(sys.executable).with_name("copystand")
USER_ID = 23_456
"""Nobody's: no process and no file but those of the test have it."""
READS_ONLY = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


class OtherMachine:
    """Its home and its worker; only root can start it, since it is another user's."""

    def __init__(self, name: str, addresses: Mapping[str, str], login: Path) -> None:
        """A machine whose worker does not run yet; it gets a copy of this Kafka login."""
        self.home = Path(tempfile.mkdtemp(prefix="copystand-other-"))
        os.chown(self.home, USER_ID, USER_ID)
        self.log = self.home.with_suffix(".log")
        credentials = self.home / "kafka.json"
        shutil.copyfile(login, credentials)
        credentials.chmod(0o600)
        os.chown(credentials, USER_ID, USER_ID)
        # Nothing is inherited but what finds the programs.
        inherited = {k: v for k in ("PATH", "LANG", "PYTHONPATH") if (v := os.environ.get(k))}
        self._environment = {
            **inherited,
            "HOME": str(self.home),
            "COPYSTAND_HOME": str(self.home),
            "COPYSTAND_WORKER_ID": name,
            "COPYSTAND_KAFKA_CREDENTIALS": str(credentials),
            **addresses,
        }
        self._worker: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start its worker; see `ready`."""
        with self.log.open("ab") as sink:
            self._worker = subprocess.Popen(
                [*self._as_other(), str(COMMAND), "run", "worker"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd="/",
                start_new_session=True,
            )

    def _as_other(self) -> list[str]:
        user = [f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
        plain = ["setpriv", *user, "--inh-caps=-all", "--pdeathsig", "KILL", "--"]
        tried = subprocess.run(
            # Through a shell: setpriv itself may still look into folders that are root's.
            [*plain, "sh", "-c", 'exec "$0" -c "import streams.cli.main"', sys.executable],
            env=self._environment,
            capture_output=True,
            cwd="/",
        )
        if tried.returncode == 0:
            return plain
        # The interpreter lies in root's own folder: it may read that, and write nothing of it.
        return ["setpriv", *user, *READS_ONLY, "--pdeathsig", "KILL", "--"]

    def ready(self) -> bool:
        """Whether its worker takes work."""
        assert self._worker is not None and self._worker.poll() is None, self.tail()
        file = self.home / "run" / "roles" / "worker.ready"
        return file.exists() and file.read_text() == str(self._worker.pid)

    def kill(self) -> None:
        """kill -9 of its worker, and of nothing else."""
        assert self._worker is not None
        self._worker.send_signal(signal.SIGKILL)
        self._worker.wait()

    def done(self) -> int:
        """How many steps its worker says it has done."""
        return sum(STEP_DONE in line for line in self.log.read_text().splitlines())

    def tail(self) -> str:
        """The end of its log, for messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def processes(self) -> list[int]:
        """Pids of all processes of its user."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if folder.stat().st_uid == USER_ID:
                    found.append(int(folder.name))
            except FileNotFoundError:
                continue
        return found

    def remove(self) -> None:
        """End what runs, and remove its home."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self._worker is not None:
            self._worker.wait()
        for left in Path("/dev/shm").iterdir():
            if left.stat().st_uid == USER_ID:
                left.unlink()
        shutil.rmtree(self.home, ignore_errors=True)
        self.log.unlink(missing_ok=True)
