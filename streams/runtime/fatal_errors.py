"""Ends a process that cannot go on, so that nothing is acknowledged that was not done."""

import logging
import os
from collections.abc import Iterable

log = logging.getLogger(__name__)


FAILED = 70
"""Exit code of a role that met with what was not foreseen (EX_SOFTWARE of sysexits.h)."""


LOST_A_SERVER = 75
"""Exit code of a role that lost a server and begins anew; no fault of its own (EX_TEMPFAIL)."""


def end_process(
    why: str, logs: Iterable[logging.Handler] | None = None, code: int = FAILED
) -> None:
    """End this process at once, so that nothing is acknowledged that was not done.

    An exception or sys.exit inside a Faust agent acknowledges the event and loses it."""
    log.critical(why)
    for handler in logs or logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
