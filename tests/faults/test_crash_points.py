"""At each system call with which something is promised to be on disk, the disk fails or the process
is killed: nothing is there in part, nothing promised is gone, and doing it again gives the same.

Here a share of the points, drawn from a seed; `python -m tests.faults.crash_points --all` has all."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.faults.crash_points.acts import ACTS
from tests.faults.crash_points.planted import PLANTED

SHARE = 0.15
SEED = 5
SECONDS = 200


@cache
def rows(*arguments: str) -> dict[str, dict[str, Any]]:
    """What the survey found, by place. In a process of its own, since it forks."""
    command = [sys.executable, "-m", "tests.faults.crash_points", "--json", "--seed", str(SEED)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=SECONDS)
    assert done.stdout.startswith("["), done.stderr
    return {row["act"]: row for row in json.loads(done.stdout)}


def test_every_place_of_promises_stands_all_that_happens_at_its_calls():
    found = rows("--share", str(SHARE))

    assert [(name, row["violations"]) for name, row in found.items() if row["violations"]] == []
    assert len(found) == len(ACTS)
    assert min(row["of"] for row in found.values()) > 25
    assert sum(row["points"] for row in found.values()) > 120


@pytest.mark.parametrize("name", PLANTED)
def test_a_store_with_a_fault_of_its_own_is_found(name: str):
    found = rows("--planted", "--share", "0.2")[name]["violations"]

    assert any(PLANTED[name].found in violation for violation in found), found
