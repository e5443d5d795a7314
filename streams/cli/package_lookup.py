"""The packages known to the line, for commands that look one up."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from streams.clients.repository import packages as client
from streams.console import Exit, fail
from streams.settings import NotUp, Settings

ROLE = "auditor_ro"


@contextmanager
def looked_up_packages() -> Iterator[client.Packages]:
    """The packages known to the line; what is missing or refused ends the command."""
    try:
        with client.package_queries(Settings.load().dsn(ROLE)) as packages:
            yield packages
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)
    except psycopg.OperationalError as down:
        fail(Exit.MISSING_PART, f"Postgres does not answer: {down}".strip(), "Run: copystand up")
    except client.PackageRefused as refused:
        fail(Exit.FAILED, str(refused), refused.fix)
