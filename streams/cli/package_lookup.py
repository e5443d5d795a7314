"""Access to the published packages, for the commands that look one up."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from processors.wording import counted
from streams.cli.listings import ROLE, postgres_down
from streams.clients.repository.packages import PackageQueries, package_queries
from streams.clients.repository.unpacking import PackageRefused
from streams.console import Exit, fail
from streams.settings import NotUp, Settings


@contextmanager
def looked_up_packages() -> Iterator[PackageQueries]:
    """The published packages; errors end the command with their exit code."""
    try:
        with package_queries(Settings.load().dsn(ROLE)) as packages:
            yield packages
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    except PackageRefused as refused:
        fail(Exit.FAILED, str(refused), refused.fix)


def completeness_note(missing_pages: int) -> str:
    """What follows the id of an incomplete package; empty for a complete one."""
    return f" (incomplete, missing: {counted(missing_pages, 'page')})" if missing_pages else ""
