"""Runs a role of the audit log until it is asked to stop or cannot continue."""

import logging
import threading
from collections.abc import Callable

from streams.runtime.fatal_errors import FAILED, end_process
from streams.runtime.lifecycle import shutdown_signal
from streams.settings import Settings

log = logging.getLogger(__name__)


class CannotContinue(Exception):
    """The role cannot continue; the text gives the reason and the action to take."""

    code = FAILED
    """Exit code of the process."""


class ShutdownRequested(Exception):
    """The role was asked to stop while it waited for a server."""


def run_until_shutdown(
    settings: Settings, role: str, work: Callable[[threading.Event], None]
) -> None:
    """Run the work until it returns; it checks the event, which SIGTERM sets.

    CannotContinue and any unexpected error end the process with exit code 70, and the supervisor
    starts it again."""
    try:
        work(shutdown_signal(settings, role))
    except ShutdownRequested:
        log.info("stopped while waiting")
    except CannotContinue as end:
        end_process("the role cannot continue", code=end.code, role=role, reason=str(end))
    except Exception as error:
        log.critical("unexpected error", exc_info=True)
        end_process("the role cannot continue", role=role, reason=repr(error)[:500])
