"""The tracker and its database: it waits for one that is away; when it loses it, the next tracker
begins at once, since nothing is wrong with the tracker itself."""

import logging
from threading import Event

import psycopg

from streams.runtime.fatal_errors import LOST_A_SERVER, end_process
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
CONNECT_SECONDS = 5
LOST = ("08", "57P")
"""Begin the SQLSTATEs of a connection that is gone: connection exceptions, and a server that ends,
crashes or starts (PostgreSQL, appendix A)."""


def connected(dsn: str, stop: Event) -> Connection | None:
    """A connection as soon as the database takes one; None when told to stop before."""
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            return psycopg.connect(
                dsn,
                autocommit=True,
                application_name="tracker",
                connect_timeout=CONNECT_SECONDS,
            )
        except psycopg.OperationalError as away:
            log.warning("waiting for the database: %s", away)
        stop.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return None


def is_lost(failure: BaseException) -> bool:
    """Whether a failure says that the connection is gone; not that the server refuses, as when its
    disk is full."""
    if not isinstance(failure, psycopg.OperationalError):
        return False
    return failure.sqlstate is None or failure.sqlstate.startswith(LOST)


def end_tracker(failure: BaseException, why: str) -> None:
    """End this process: nothing is half done, and the supervisor starts the next one."""
    if is_lost(failure):
        end_process("database connection lost", code=LOST_A_SERVER, error=str(failure), note=why)
    log.critical("unexpected error", exc_info=failure)
    end_process("the tracker cannot continue", note=why)
