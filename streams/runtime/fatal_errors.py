"""Ends a process that cannot continue, before it acknowledges work that is not finished."""

import logging
import os
from typing import NoReturn

log = logging.getLogger(__name__)

FAILED = 70
"""Exit code of a role after an unexpected error (EX_SOFTWARE in sysexits.h)."""
LOST_A_SERVER = 75
"""Exit code of a role that lost its connection to a server; the role itself has no fault
(EX_TEMPFAIL in sysexits.h)."""

PROJECTION_AHEAD = 76
"""Exit code of a projector whose table has events that the log lost. The supervisor empties the
table, which the projector itself must not do."""


def end_process(event: str, *, code: int = FAILED, **fields: object) -> NoReturn:
    """Log a fatal event with its fields and end this process at once.

    The event is a fixed name; what was found goes into the fields. There is no exception and no
    sys.exit: inside a Faust agent both acknowledge the message and lose it."""
    log.critical(event, extra=fields)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
