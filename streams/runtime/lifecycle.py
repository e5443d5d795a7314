"""How a role stays alive for its supervisor and how it shuts down."""

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
GRACE_SECONDS = 25.0
"""Whoever stops a role allows it 30 s; work that takes longer is delivered again."""


class ShutdownSignal(threading.Event):
    """Set when the role must stop. Each check of it is a sign of life: a role that no longer checks
    hangs, and the supervisor restarts it."""

    def __init__(self, settings: Settings, role: str) -> None:
        """The signal of this role, which is alive from now on."""
        super().__init__()
        self._alive, self._process = (role_file(settings, role, kind) for kind in ("alive", "json"))
        self._alive.parent.mkdir(parents=True, exist_ok=True)
        self._touched_at = float("-inf")
        self.is_set()

    def is_set(self) -> bool:
        """Whether the role must stop."""
        if time.monotonic() - self._touched_at >= ALIVE_EVERY_SECONDS:
            self._touched_at = time.monotonic()
            # A full disk is no reason to end, and an existing file can be touched on a full disk.
            with suppress(OSError):
                if not self._is_second_process():
                    self._alive.touch()
        return super().is_set()

    def _is_second_process(self) -> bool:
        """Whether the supervisor runs another process of this role. Ours was then started by hand
        and must not give a sign of life for the other."""
        try:
            pid = int(json.loads(self._process.read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return pid != os.getpid() and is_alive(pid)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the role must stop, at most for a timeout in seconds."""
        self.is_set()
        return super().wait(timeout)


def shutdown_signal(settings: Settings, role: str) -> ShutdownSignal:
    """A signal that SIGTERM and Ctrl-C set. The process then has a grace period to end in."""
    stop = ShutdownSignal(settings, role)

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if not stop.is_set():
            grace_period = threading.Timer(GRACE_SECONDS, _end_with_unfinished_work)
            grace_period.daemon = True
            grace_period.start()
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def _end_with_unfinished_work() -> None:
    """End at once. No offset of unfinished work was committed, so it is delivered again."""
    log.warning("grace period exceeded, unfinished work will be redelivered")
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(0)
