"""Faulty steps for the tests of the pool; children import them by name."""

import ctypes
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from processors.outcome import Done, Outcome, Rejected
from processors.step import Step
from processors.tools import Area, Tools
from schemas.models import Fact, PageAcquired, PageAdmitted

LEAK_BYTES = 3_000_000
_kept: list[bytearray] = []
_images: list[pyvips.Image] = []
_libc = ctypes.CDLL(None)
_libc.malloc.argtypes, _libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]


def report_pid(fact: Fact, tools: Tools) -> Outcome:
    """Report which process executes the step."""
    return Rejected("pid", found=str(os.getpid()), fix="")


def grow(fact: Fact, tools: Tools) -> Outcome:
    """Allocate memory that is never freed."""
    _kept.append(bytearray(os.urandom(1 << 20) * 300))
    return report_pid(fact, tools)


def exceed_memory_limit(fact: Fact, tools: Tools) -> Outcome:
    """Allocate more than a child may have."""
    bytearray(4 << 30)
    return Done()


def hang_with_a_tool(fact: Fact, tools: Tools) -> Outcome:
    """Start a tool as steps do and wait for it forever."""
    tool = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "sleep", "1000"])
    (tools.scratch.parent / "tool.pid").write_text(str(tool.pid))
    tool.wait()
    return Done()


def work_long_with_signs_of_life(fact: Fact, tools: Tools) -> Outcome:
    """Run longer than the limit, with signs of life."""
    for _ in range(12):
        time.sleep(0.25)
        tools.progress("on")
    return Done()


def store_two_images(fact: Fact, tools: Tools) -> Outcome:
    """Store what takes a while over a slow link."""
    for number in range(2):
        content = bytes([number]) * 600_000
        tools.storage.keep(content, area=Area.DERIVATIVES, use="access", media_type="image/jpeg")
    return Done()


def leak_a_c_buffer(fact: Fact, tools: Tools) -> Outcome:
    """Leak as a library may: no Python object refers to the buffer."""
    _used(LEAK_BYTES)
    return Done()


def leak_an_image(fact: Fact, tools: Tools) -> Outcome:
    """Leak as an unlimited cache may: a small object holds pixels of libvips."""
    _images.append(pyvips.Image.black(LEAK_BYTES // 1000, 1000).copy_memory())
    return Done()


def leak_python_objects(fact: Fact, tools: Tools) -> Outcome:
    """A list that only grows."""
    _kept.append(bytearray(b"x" * LEAK_BYTES))
    return Done()


def free_everything(fact: Fact, tools: Tools) -> Outcome:
    """Use as much memory as the other steps and free all of it."""
    _libc.free(_used(LEAK_BYTES))
    pyvips.Image.black(LEAK_BYTES // 1000, 1000).copy_memory()
    return Done()


def _used(size: int) -> int:
    buffer: int = _libc.malloc(size)
    ctypes.memset(buffer, 1, size)
    return buffer


@dataclass(frozen=True)
class FaultyStep(Step):
    """A row of the step table with one of the functions above."""

    implementation: Callable[..., Outcome] = free_everything

    @property
    def function(self) -> Callable[..., Outcome]:
        return self.implementation


def step_of(function: Callable[..., Outcome], **row: Any) -> Step:
    """A step that executes this function and has its name."""
    return FaultyStep(
        function.__name__, PageAdmitted, PageAcquired, premis="ingestion", detail="", lane="masters",
        implementation=function, **row,
    )  # fmt: skip
