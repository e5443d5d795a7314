"""What integration tests share: one running Kafka and PostgreSQL for the whole session."""

from collections.abc import Iterator

import pytest

from tests.core_machine.database import Databases, running_databases
from tests.support.audit_story import audited, stored_reason
from tests.support.clocked_tracker import fixed_window
from tests.support.parts import Parts, running_parts
from tests.support.sealed_line import sealed
from tests.support.tracker_harness import connect_tracker, storage, tracker

__all__ = [
    "audited",
    "connect_tracker",
    "fixed_window",
    "parts",
    "sealed",
    "storage",
    "stored_reason",
    "tracker",
]


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """A running Kafka with all topics, and a migrated PostgreSQL, without roles."""
    with running_parts(tmp_path_factory.mktemp("parts")) as running:
        yield running


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A PostgreSQL without Kafka."""
    with running_databases(tmp_path_factory.mktemp("databases")) as running:
        yield running
