"""The data source manager of Windows, which the package pytwain helps to reach."""

import ctypes as ct
import sys
import time
from importlib import import_module
from typing import Any

from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.scanners.twain_session import Manager
from streams.clients.scanners.twain_structures import ENTRY

INSTALL = "pip install pytwain, and the driver of the scanner with its TWAIN source"
LIBRARIES = ("twaindsm.dll", "twain_32.dll")
"""The manager of TWAIN 2, then that of Windows, which knows 32-bit programs only."""
POLL_SECONDS = 0.02
REMOVE = 1


def windows_manager() -> Manager:
    """The manager of this system. Raises ScannerProblem where there is none."""
    if sys.platform != "win32":
        raise _missing(f"TWAIN exists on Windows only, this is {sys.platform}")
    try:
        # Imported here: elsewhere the package is not installed, and has no functions of Windows.
        windows: Any = import_module("twain.windows")
        structures: Any = import_module("twain.lowlevel.structs")
    except ImportError as absent:
        raise _missing(f"the package pytwain: {absent}") from absent
    entry = ENTRY(("DSM_Entry", _library()))
    messages = _Messages(windows, structures)
    return Manager(entry, GlobalMemory(windows), messages, messages.pass_on, _window())


def _missing(found: str) -> ScannerProblem:
    return ScannerProblem("scanner.driver-missing", found, install=INSTALL)


def _library() -> Any:
    failed: list[str] = []
    for name in LIBRARIES:
        try:
            # With this mode Windows also looks in its own folder, where the second one is.
            return ct.WinDLL(name, winmode=0)  # type: ignore[attr-defined, unused-ignore]
        except OSError as absent:
            failed.append(f"{name}: {absent}")
    raise _missing("; ".join(failed))


def _window() -> int:
    """The window of the console, to which a source can attach a message; 0 without one."""
    kernel: Any = ct.windll.kernel32  # type: ignore[attr-defined, unused-ignore]
    return int(kernel.GetConsoleWindow() or 0)


class GlobalMemory:
    """The memory of Windows, for a manager of TWAIN 1."""

    def __init__(self, windows: Any) -> None:
        self._windows = windows

    def allocate(self, size: int) -> int:
        """The handle of new memory that is zero."""
        return int(self._windows.GlobalAlloc(self._windows.GMEM_ZEROINIT | 2, size))

    def lock(self, handle: int) -> int:
        """The address of the memory."""
        return int(self._windows.GlobalLock(handle))

    def unlock(self, handle: int) -> None:
        """The address is not used any more."""
        self._windows.GlobalUnlock(handle)

    def free(self, handle: int) -> None:
        """The memory is not used any more."""
        self._windows.GlobalFree(handle)


class _Messages:
    """The messages of the window system to this thread."""

    def __init__(self, windows: Any, structures: Any) -> None:
        self._windows, self._message = windows, structures.MSG()
        self._peek: Any = ct.windll.user32.PeekMessageW  # type: ignore[attr-defined, unused-ignore]

    def __call__(self, seconds: float) -> int | None:
        """The address of the next message, or None if none comes in this time."""
        until = time.monotonic() + seconds
        while not self._peek(ct.byref(self._message), None, 0, 0, REMOVE):
            if time.monotonic() > until:
                return None
            time.sleep(POLL_SECONDS)
        return ct.addressof(self._message)

    def pass_on(self, _: int) -> None:
        """Give the last message to the window that it is for."""
        self._windows.TranslateMessage(ct.byref(self._message))
        self._windows.DispatchMessage(ct.byref(self._message))
