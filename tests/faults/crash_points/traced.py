"""Runs a function in a forked child under strace, with a fault at one of its system calls.

The child waits for a signal until strace is attached, so that the count of calls starts with the
function's first."""

import mmap
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    *("openat", "open", "creat", "read", "pread64", "write", "pwrite64", "close", "fsync"),
    *("fdatasync", "ftruncate", "rename", "renameat", "renameat2", "link", "linkat", "unlink"),
    *("unlinkat", "mkdir", "mkdirat", "fallocate"),
)
"""What may fail. Not every machine has all of them."""
TELLING = ("access", "faccessat", "faccessat2")
TOLD = "/told/"
GO = signal.SIGUSR1
LIMIT_SECONDS = 30
REFUSED, RAISED = 10, 11
"""Exit codes: it said that it cannot, in the words that it may use; or in others."""
PR_SET_PTRACER = 0x59616D61
LINE = re.compile(r"(\w+)\((.*?)\)? += (-?\d+|\?)(?:<(.*?)>)?(?: .*)?$")
PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
FD_PATH = re.compile(r"^\d+<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One system call that returned or was cut off."""

    name: str
    arguments: str
    result: int | None
    """None when the process ended in it."""
    path: str | None
    """The path of what it opened."""
    injected: bool

    @property
    def paths(self) -> list[str]:
        """The paths among its arguments."""
        return PATH.findall(self.arguments)

    @property
    def file(self) -> str:
        """The path behind its first argument, a file descriptor; empty when it has none."""
        found = FD_PATH.match(self.arguments)
        return found[1] if found else ""


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    code: int
    """Exit code, or minus the signal that ended it."""
    calls: tuple[Call, ...]
    error: str
    """What was raised."""

    @property
    def told(self) -> list[str]:
        """What it promised, in order."""
        paths = [path for call in self.calls if call.name in TELLING for path in call.paths]
        return [path.removeprefix(TOLD) for path in paths if path.startswith(TOLD)]

    def counted(self) -> Counter[str]:
        """How often it made each call that may fail."""
        return Counter(call.name for call in self.calls if call.name in CALLS)


def tell(promise: str) -> None:
    """Say in the trace that from here on something is promised."""
    os.access(TOLD + promise, os.F_OK)


def run(
    function: Callable[[], object],
    trace: Path,
    inject: str = "",
    may_raise: tuple[type[Exception], ...] = (),
) -> Ran:
    """Run a function in a child, with one fault in the words of strace (`fsync:error=EIO:when=2`)."""
    error = mmap.mmap(-1, 4096)
    signal.pthread_sigmask(signal.SIG_BLOCK, {GO})
    child = os.fork()
    if child == 0:
        _live(function, may_raise, error)
    tracer = _attach(child, trace, inject)
    try:
        os.kill(child, GO)
        _, status = os.waitpid(child, 0)
    finally:
        tracer.wait(LIMIT_SECONDS)
        if tracer.stderr is not None:
            tracer.stderr.close()
    told = error[:].rstrip(b"\0").decode()
    error.close()
    return Ran(os.waitstatus_to_exitcode(status), tuple(read_trace(trace)), told)


def _live(
    function: Callable[[], object], may_raise: tuple[type[Exception], ...], error: mmap.mmap
) -> None:
    """The child's life; it never returns."""
    code = RAISED
    try:
        signal.alarm(LIMIT_SECONDS)
        _let_be_traced()
        signal.sigwait({GO})
        function()
        code = 0
    except may_raise as refused:
        code = REFUSED
        _write(error, refused)
    except BaseException as surprise:
        _write(error, surprise)
    finally:
        os._exit(code)


def _write(error: mmap.mmap, raised: BaseException) -> None:
    text = f"{type(raised).__name__}: {raised}".encode()[: len(error)]
    error[: len(text)] = text


def _let_be_traced() -> None:
    """By any process of the same user, where only parents may trace (Yama)."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def _attach(child: int, trace: Path, inject: str) -> "subprocess.Popen[str]":
    calls = ",".join(f"?{name}" for name in (*CALLS, *TELLING))
    command = [
        "strace",
        "-p",
        str(child),
        "-y",
        "-s",
        "0",
        "-o",
        str(trace),
        "-e",
        f"trace={calls}",
    ]
    command += ["-e", f"inject={inject}"] if inject else []
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert tracer.stderr is not None
    first = tracer.stderr.readline()
    if "attached" not in first:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        tracer.wait(LIMIT_SECONDS)
        raise RuntimeError(f"strace cannot trace: {first}{tracer.stderr.read()}")
    return tracer


def read_trace(trace: Path) -> Sequence[Call]:
    """The calls in a trace, in order."""
    calls = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        found = LINE.match(line)
        if found:
            name, arguments, result, path = found.groups()
            value = None if result == "?" else int(result)
            calls.append(Call(name, arguments, value, path, line.endswith("(INJECTED)")))
    return calls
