"""Fixity on a schedule: starts `copystand fixity run` when objects may be due, one at a time.

A run in a process of its own may be killed at any moment: the next one continues it, and a lock in
the database keeps two from running at once."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import IO

from streams.execution.facts import utc_now
from streams.settings import Settings

log = logging.getLogger(__name__)

FIRST_SECONDS = 600.0
EVERY_SECONDS = 3600.0
AFTER_FAILURE_SECONDS = 300.0
DAY_SECONDS = 86_400.0
ENDED_WELL = (0, 1)
"""Exit codes of a run that came to its end; 1 when objects failed."""
Spawn = Callable[[list[str]], "subprocess.Popen[bytes]"]


class FixitySchedule:
    """Asks every hour whether objects are due; a role that lives as long as the line calls it."""

    def __init__(
        self,
        settings: Settings,
        spawn: Spawn | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Nothing is started yet."""
        self._settings, self._clock, self._now = settings, clock, now
        self._spawn = spawn or self._start
        self._process: subprocess.Popen[bytes] | None = None
        self._next_at = clock() + min(FIRST_SECONDS, self._every)

    @property
    def _every(self) -> float:
        return min(EVERY_SECONDS, self._settings.fixity_days * DAY_SECONDS)

    def tick(self) -> None:
        """Start a run if one is due; note the end of one. Does not wait."""
        if not self._settings.fixity_days:
            return
        if self._process is not None:
            self._note_end(self._process)
        elif self._clock() >= self._next_at and self._is_night():
            days = f"{self._settings.fixity_days:f}"
            try:
                self._process = self._spawn(["fixity", "run", "--older-than", days, "--at-night"])
            except OSError as failure:
                log.warning("fixity run not started", extra={"error": str(failure)})
                self._next_at = self._clock() + AFTER_FAILURE_SECONDS

    def close(self) -> None:
        """End a run; the next one continues it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _note_end(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.poll()
        if code is None:
            return
        log.info("fixity run ended", extra={"code": code})
        pause = self._every if code in ENDED_WELL else min(AFTER_FAILURE_SECONDS, self._every)
        self._process, self._next_at = None, self._clock() + pause

    def _is_night(self) -> bool:
        night = self._settings.night
        return night is None or night.waits_until(self._now()) is None

    def _start(self, arguments: list[str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "streams.cli", *arguments]
        environment = {**os.environ, "COPYSTAND_HOME": str(self._settings.home)}
        with self._log() as sink:
            # In the process group of the role: whoever kills the role kills the run.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment
            )

    def _log(self) -> IO[bytes]:
        folder = self._settings.home / "log"
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "fixity.log").open("ab")
