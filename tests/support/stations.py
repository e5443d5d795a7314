"""A station that is a machine of its own, with the commands that an operator types."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.running_line import COMMAND

NAME = "reading-room"
COMMAND_SECONDS = 120


@dataclass
class OwnStation:
    """A station that has nothing of the line but a credential file and addresses."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str | Path) -> Any:
        """The JSON document of a command of the station, which must succeed."""
        ended = subprocess.run(
            [COMMAND, "station", *map(str, words), "--json"],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return json.loads(ended.stdout)

    def states(self) -> list[str]:
        """The state of each delivery."""
        return [one["state"] for one in self.run("spool", "--all")["deliveries"]]

    def kill(self) -> bool:
        """kill -9 of the background process, if there is one."""
        pid = self.run("spool")["pid"]
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def start(self) -> None:
        """Start the background process, as the next queueing does."""
        subprocess.Popen(
            [COMMAND, "station", "spool", "run"],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def own_station(
    home: Path,
    folder: Path,
    addresses: Mapping[str, str],
    token: str | None = None,
    name: str = NAME,
    settings: Mapping[str, str] | None = None,
) -> Iterator[OwnStation]:
    """A station of the line in a home, with its credential file; revoked afterwards.

    `settings` are further ones of the line, and `token` replaces the upload token, for a server
    that is not the line's."""
    folder.mkdir(parents=True)
    file = folder / "credential.json"
    of_line = {**os.environ, "COPYSTAND_HOME": str(home), **(settings or {})}
    add = [COMMAND, "station", "add", name, "--into", str(file), "--json"]
    subprocess.run(add, env=of_line, check=True, stdout=subprocess.DEVNULL)
    if token is not None:
        file.write_text(json.dumps({**json.loads(file.read_text()), "upload_token": token}))
    plain = {name: value for name, value in os.environ.items() if name != "COPYSTAND_HOME"}
    station = OwnStation(folder, {**plain, "COPYSTAND_STATION": str(folder), **addresses})
    try:
        yield station
    finally:
        station.kill()
        revoke = [COMMAND, "station", "revoke", name, "--json"]
        subprocess.run(revoke, env=of_line, check=True, stdout=subprocess.DEVNULL)
