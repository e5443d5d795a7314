"""Sends the files of a delivery, several at a time, and keeps which ones are confirmed."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from schemas.models import Diagnostic
from streams.clients.spool.destination import Destination, Stopped
from streams.clients.spool.spool_database import Spool
from streams.clients.station.findings import finding
from streams.clients.station.folder import ManifestFile
from streams.clients.station.scan import Progress

THREADS, AHEAD = 4, 16
"""Files that are sent at the same time, and that are given to the threads."""
LOOK_SECONDS = 0.5


class Confirmations:
    """Names of files that the destination has, durable some time later: a repeat is harmless."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._spool, self._number = spool, number
        self._new: list[str] = []
        self._kept_at = time.monotonic()

    def all(self) -> set[str]:
        """The names that were confirmed before."""
        return {
            os.fsdecode(row["name"]) for row in self._spool.rows("confirmed", number=self._number)
        }

    def add(self, name: str) -> None:
        """Keep a name soon."""
        self._new.append(name)
        if time.monotonic() - self._kept_at > LOOK_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Make all of them durable."""
        rows = [(self._number, os.fsencode(name)) for name in self._new]
        self._new, self._kept_at = [], time.monotonic()
        if rows:
            with self._spool.transaction():
                self._spool.change_many("confirm", rows)


@dataclass
class _Sent:
    """Bytes that the threads have sent, and whether they may go on."""

    done: int = 0
    stop: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def more(self, size_bytes: int) -> bool:
        with self.lock:
            self.done += size_bytes
        return not self.stop


def send_files(
    files: Iterable[ManifestFile],
    destination: Destination,
    confirmations: Confirmations,
    progress: Progress,
) -> list[Diagnostic]:
    """Send the files that are not confirmed; a diagnostic for each that changed meanwhile.

    Raises MustWait, NotTaken, and what `progress` raises; what was confirmed before is kept."""
    known = confirmations.all()
    wanted = list(files)
    left = [file for file in wanted if file.name not in known]
    total = sum(file.size_bytes for file in wanted)
    sent = _Sent(total - sum(file.size_bytes for file in left))
    found: list[Diagnostic] = []

    def finished(file: ManifestFile, change: str | None) -> None:
        if change is None:
            confirmations.add(file.name)
        else:
            found.append(finding("file.changed-meanwhile", file.name, change))

    with ThreadPoolExecutor(THREADS, "send") as threads:
        try:
            _send_all(
                left,
                threads,
                destination,
                sent,
                finished,
                lambda: progress("sending", sent.done, total),
            )
        finally:
            confirmations.keep()
    return found


def _send_all(
    files: list[ManifestFile],
    threads: ThreadPoolExecutor,
    destination: Destination,
    sent: _Sent,
    finished: Callable[[ManifestFile, str | None], None],
    look: Callable[[], None],
) -> None:
    """Give files to the threads in order, a few ahead of those that are finished."""
    waiting = iter(files)
    running: dict[Future[str | None], ManifestFile] = {}
    try:
        while True:
            while len(running) < AHEAD and (file := next(waiting, None)) is not None:
                running[threads.submit(_send, destination, file, sent)] = file
            if not running:
                return
            done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                finished(running[future], future.result())
                del running[future]
            look()
    except BaseException:
        # What the other threads finish meanwhile is not sent again.
        sent.stop = True
        threads.shutdown(cancel_futures=True)
        for future, file in running.items():
            if not future.cancelled() and future.exception() is None:
                finished(file, future.result())
        raise


def _send(destination: Destination, file: ManifestFile, sent: _Sent) -> str | None:
    if sent.stop:
        raise Stopped
    try:
        return destination.send(file, sent.more)
    except OSError as failed:
        return f"it cannot be read: {failed.strerror or failed}"
