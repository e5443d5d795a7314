"""What every role shares: its log and the way it is told to stop."""

import json
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType

from infra.processes import is_alive
from streams.runtime.role_files import role_file
from streams.settings import Settings

log = logging.getLogger(__name__)

ALIVE_EVERY_SECONDS = 1.0
LEAVE_AFTER_SECONDS = 25.0
"""Whoever tells a role to end gives it 30 s: what is not done by then is left undone."""


class ShutdownSignal(threading.Event):
    """Set when the role is told to stop. Each look at it is a sign of life: whoever does not look
    any more hangs, and the supervisor starts the role again."""

    def __init__(self, settings: Settings, role: str) -> None:
        """An event of this role, which is alive from now on."""
        super().__init__()
        self._alive, self._who = (role_file(settings, role, kind) for kind in ("alive", "json"))
        self._alive.parent.mkdir(parents=True, exist_ok=True)
        self._told = float("-inf")
        self.is_set()

    def is_set(self) -> bool:
        """Whether to stop."""
        if time.monotonic() - self._told >= ALIVE_EVERY_SECONDS:
            self._told = time.monotonic()
            # A full disk is no reason to end; and a file that is there can be touched on one.
            with suppress(OSError):
                if not self._is_beside():
                    self._alive.touch()
        return super().is_set()

    def _is_beside(self) -> bool:
        """Whether the supervisor has another process for this role: ours, started by hand, must
        not give a sign of life in its place."""
        try:
            pid = int(json.loads(self._who.read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return pid != os.getpid() and is_alive(pid)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until told to stop, for so many seconds at most."""
        self.is_set()
        return super().wait(timeout)


def shutdown_signal(settings: Settings, role: str) -> ShutdownSignal:
    """An event that SIGTERM and Ctrl-C set. From then on the process has a limited time."""
    stop = ShutdownSignal(settings, role)

    def told(number: int, frame: FrameType | None) -> None:
        del number, frame
        if not stop.is_set():
            late = threading.Timer(LEAVE_AFTER_SECONDS, _leave)
            late.daemon = True
            late.start()
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    return stop


def _leave() -> None:
    """End at once. Nothing unfinished was committed, so it is done again by whoever comes next."""
    log.warning("not done in time, and left undone")
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(0)
