"""A program in a real control group finds its limits."""

import subprocess
import sys

from tests.support.control_group import Limits, control_group

ASK = "from streams.machine import cores, memory_bytes; print(cores(), memory_bytes())"


def test_a_program_has_the_cores_and_the_memory_of_its_control_group():
    with control_group(Limits(cores=0.9, memory_bytes=800 * 4096 * 100)) as group:
        asked = subprocess.run(
            group.command(sys.executable, "-c", ASK), capture_output=True, text=True, timeout=60
        )

    assert asked.stdout.split() == ["1", str(800 * 4096 * 100)], asked
