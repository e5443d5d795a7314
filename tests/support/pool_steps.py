"""Steps that misbehave, for the tests of the pool; children import them by name."""

import ctypes
import os
import subprocess
import time
from pathlib import Path

import pyvips

from processors.outcome import Done, Outcome, Rejected
from processors.tools import Tools
from schemas.models import Record

LEAK_BYTES = 3_000_000
_kept: list[bytearray] = []
_images: list[pyvips.Image] = []
_libc = ctypes.CDLL(None)
_libc.malloc.argtypes, _libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]


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


def keep_a_c_buffer(fact: Record, tools: Tools) -> Outcome:
    """As a library with a leak: no Python object knows of the buffer."""
    _used(LEAK_BYTES)
    return Done()


def keep_an_image(fact: Record, tools: Tools) -> Outcome:
    """As a cache that nobody empties: a small object holds pixels of libvips."""
    _images.append(pyvips.Image.black(LEAK_BYTES // 1000, 1000).copy_memory())
    return Done()


def keep_python_objects(fact: Record, tools: Tools) -> Outcome:
    """A list that only grows."""
    _kept.append(bytearray(b"x" * LEAK_BYTES))
    return Done()


def give_all_back(fact: Record, tools: Tools) -> Outcome:
    """Use as much as the others, and keep nothing."""
    _libc.free(_used(LEAK_BYTES))
    pyvips.Image.black(LEAK_BYTES // 1000, 1000).copy_memory()
    return Done()


def _used(size: int) -> int:
    buffer: int = _libc.malloc(size)
    ctypes.memset(buffer, 1, size)
    return buffer
