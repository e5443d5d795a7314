"""A `scanimage` for the PATH that gives SANE's test device a fault at a chosen call."""

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

STATUSES = {
    "UNSUPPORTED": "scanner.unsupported",
    "CANCELLED": "scanner.cancelled",
    "DEVICE_BUSY": "scanner.busy",
    "INVAL": "scanner.value-refused",
    "EOF": "scanner.no-image",
    "JAMMED": "scanner.jammed",
    "NO_DOCS": "scanner.feeder-empty",
    "COVER_OPEN": "scanner.cover-open",
    "IO_ERROR": "scanner.io-failed",
    "NO_MEM": "scanner.no-memory",
    "ACCESS_DENIED": "scanner.access-denied",
}
"""Every status of SANE that is an error, with the code that reports it."""
HANG = "HANG"
WRAPPER = """#!/bin/sh
# Only calls that scan are counted; each has a line in the folder.
case "$*" in *--batch=*) ;; *) exec {real} "$@" ;; esac
echo "$*" >>{folder}/calls
n=$(wc -l <{folder}/calls)
if [ -f {folder}/fault-$n ]; then
    fault=$(cat {folder}/fault-$n)
    if [ "$fault" = HANG ]; then
        echo $$ >{folder}/hanging
        exec sleep 600
    fi
    exec {real} "$@" --read-return-value=SANE_STATUS_$fault
fi
exec {real} "$@"
"""


def install(folder: Path, faults: Mapping[int, str]) -> str:
    """Write the program to a folder. Returns the PATH on which it comes first.

    `faults` has the status by the number of the scanning call, from 1."""
    real = shutil.which("scanimage")
    assert real is not None, "scanimage is missing; run: make scanners"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "scanimage"
    program.write_text(WRAPPER.format(real=real, folder=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for call, status in faults.items():
        (folder / f"fault-{call}").write_text(status)
    return f"{folder}:{os.environ['PATH']}"


def calls(folder: Path) -> int:
    """How often it was asked to scan."""
    path = folder / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def hanging_process(folder: Path) -> int:
    """The process that hung."""
    return int((folder / "hanging").read_text())
