"""Runs the state machine for as long as one likes: python -m tests.core_machine --seconds 600."""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core_machine.database import running_databases
from tests.core_machine.machine import CoreMachine


def run(seconds: float, steps: int, examples: int) -> int:
    """Rounds of so many examples, each drawn anew, until the time is over; returns how many."""
    began, done = time.monotonic(), 0
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    while time.monotonic() - began < seconds:
        run_state_machine_as_test(CoreMachine, settings=profile)
        done += examples
        print(f"{done} examples, {time.monotonic() - began:.0f} s", flush=True)
    return done


def main() -> int:
    """The program; what it finds is told by Hypothesis with the steps that lead there."""
    parser = argparse.ArgumentParser(prog="python -m tests.core_machine", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--steps", type=int, default=60, help="steps of an example")
    parser.add_argument("--examples", type=int, default=25, help="examples of a round")
    asked = parser.parse_args()
    with (
        TemporaryDirectory(prefix="core-machine-") as home,
        running_databases(Path(home)) as databases,
    ):
        CoreMachine.databases = databases
        run(asked.seconds, asked.steps, asked.examples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
