"""How a role of the audit log lives and ends."""

import logging
import threading
from collections.abc import Callable

from streams.runtime.fatal_errors import end_process
from streams.runtime.lifecycle import shutdown_signal
from streams.settings import Settings

log = logging.getLogger(__name__)


class MustEnd(Exception):
    """The role cannot go on; the text says why and what to do."""


class Stopping(Exception):
    """The role was asked to stop while it waited for the world."""


def live(settings: Settings, role: str, work: Callable[[threading.Event], None]) -> None:
    """Run the work until it returns; it looks at the event, which SIGTERM sets. MustEnd and
    whatever is unforeseen end the process with 70, and the supervisor starts it again."""
    try:
        work(shutdown_signal(settings, role))
    except Stopping:
        log.info("stopped while waiting")
    except MustEnd as end:
        end_process(str(end))
    except Exception:
        log.critical("unforeseen", exc_info=True)
        end_process("the role cannot go on; nothing is half done")
