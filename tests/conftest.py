"""What tests of every kind share."""

import os
from collections.abc import Iterator

import pytest

from tests.support.s3_store import S3Server, running_s3

SERVERS = ("line", "second_line", "parts")
"""Fixtures that run a broker; those of a session run until its end."""
# Models would take the processors from the tests. What they do is tested where it is switched on.
os.environ.setdefault("COPYSTAND_ENRICHMENT", "off")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the modules first that need no shared broker: one without work takes a tenth of a core."""
    needing = {item.path for item in items if _needs_a_shared_broker(item)}
    items.sort(key=lambda item: item.path in needing)


def _needs_a_shared_broker(item: pytest.Item) -> bool:
    used = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(used[name][-1].scope == "session" for name in SERVERS if name in used)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 store for all tests of a run; each takes a prefix of its own."""
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server
