"""Steps that misbehave, for the tests of the pool; children import them by name."""

import os
import subprocess
import time
from pathlib import Path

from processors.outcome import Done, Outcome, Rejected
from processors.tools import Tools
from schemas.models import Record

_kept: list[bytearray] = []


def say_pid(fact: Record, tools: Tools) -> Outcome:
    """Which process does the work."""
    return Rejected("pid", found=str(os.getpid()), fix="")


def grow(fact: Record, tools: Tools) -> Outcome:
    """Keep memory that is never given back."""
    _kept.append(bytearray(os.urandom(1 << 20) * 300))
    return say_pid(fact, tools)


def ask_for_too_much(fact: Record, tools: Tools) -> Outcome:
    """More than a child may have."""
    bytearray(4 << 30)
    return Done()


def hang_with_a_tool(fact: Record, tools: Tools) -> Outcome:
    """Start a tool as steps do, and wait for it for ever."""
    tool = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "sleep", "1000"])
    place = tools.scratch.parent / "tool.pid"
    Path(place).write_text(str(tool.pid))
    tool.wait()
    return Done()


def work_long_and_say_so(fact: Record, tools: Tools) -> Outcome:
    """Longer than the limit, with signs of life."""
    for _ in range(12):
        time.sleep(0.25)
        tools.progress("on")
    return Done()
