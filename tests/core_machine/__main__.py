"""Runs the state machine for some time: python -m tests.core_machine --seconds 600."""

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
    """Run rounds of new random examples until the time is over; returns the number of examples."""
    started, done = time.monotonic(), 0
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    while time.monotonic() - started < seconds:
        run_state_machine_as_test(CoreMachine, settings=profile)
        done += examples
        print(f"{done} examples, {time.monotonic() - started:.0f} s", flush=True)
    return done


def main() -> int:
    """Run the state machine. Hypothesis reports a failure with the steps that lead to it."""
    parser = argparse.ArgumentParser(prog="python -m tests.core_machine", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--steps", type=int, default=60, help="steps of an example")
    parser.add_argument("--examples", type=int, default=25, help="examples of a round")
    options = parser.parse_args()
    with (
        TemporaryDirectory(prefix="core-machine-") as home,
        running_databases(Path(home)) as databases,
    ):
        CoreMachine.databases = databases
        run(options.seconds, options.steps, options.examples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
