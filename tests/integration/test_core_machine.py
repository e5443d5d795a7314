"""The core under random faults, on a real PostgreSQL.

This run is short and deterministic; `python -m tests.core_machine` runs for as long as wanted."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core_machine.database import Databases, running_databases
from tests.core_machine.machine import CoreMachine

PROFILE = settings(
    max_examples=16,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A PostgreSQL without Kafka."""
    with running_databases(tmp_path_factory.mktemp("core")) as running:
        yield running


def test_nothing_is_lost_repeated_or_decided_differently_whatever_dies(databases: Databases):
    CoreMachine.databases = databases

    run_state_machine_as_test(CoreMachine, settings=PROFILE)
