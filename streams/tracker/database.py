"""The tracker's connection to PostgreSQL: it waits for the server at start, and ends when the
connection is lost, so that the supervisor restarts it at once."""

import logging
from collections.abc import Callable
from threading import Event

import psycopg

from streams.runtime.fatal_errors import LOST_A_SERVER, end_process
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
CONNECT_SECONDS = 5
LOST = ("08", "57P")
"""First characters of the SQLSTATEs of a lost connection: connection exceptions, and a server that
shuts down, crashes or starts (PostgreSQL, appendix A)."""


def connect(dsn: str) -> Connection:
    """A connection in autocommit mode. Raises psycopg.OperationalError."""
    return psycopg.connect(
        dsn, autocommit=True, application_name="tracker", connect_timeout=CONNECT_SECONDS
    )


def wait_for_connection(connect: Callable[[], Connection], stop: Event) -> Connection | None:
    """A connection, as soon as the server accepts one; None when `stop` is set before."""
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            return connect()
        except psycopg.OperationalError as failure:
            log.warning("database unavailable", extra={"error": str(failure)})
        stop.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return None


def is_lost(failure: BaseException) -> bool:
    """Whether the connection is lost. An error that the server reports, as a full disk, is not."""
    if not isinstance(failure, psycopg.OperationalError):
        return False
    return failure.sqlstate is None or failure.sqlstate.startswith(LOST)


def end_tracker(failure: BaseException, why: str) -> None:
    """End this process. Nothing is half done, and the supervisor starts the next one."""
    if is_lost(failure):
        end_process("database connection lost", code=LOST_A_SERVER, error=str(failure), note=why)
    log.critical("unexpected error", exc_info=failure)
    end_process("the tracker cannot continue", note=why)
