"""The core under random faults, on a real PostgreSQL.

This run is short and deterministic; `python -m tests.core_machine` runs for as long as wanted."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core_machine.database import Databases
from tests.core_machine.machine import CoreMachine

PROFILE = settings(
    max_examples=4,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_nothing_is_lost_repeated_or_decided_differently_whatever_dies(databases: Databases):
    CoreMachine.databases = databases

    run_state_machine_as_test(CoreMachine, settings=PROFILE)
