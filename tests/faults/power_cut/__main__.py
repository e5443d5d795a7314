"""Prints how many images of a disk were taken while objects and receipts were kept on it, and what
was wrong with them. `--no-fsync` is a store that promises too early: it must be found."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.power_cut.images import FOLDER, after_the_cut, new_disk
from tests.faults.power_cut.writer import promised

LONGEST_WAIT_SECONDS = 0.06
IMAGES_OF_A_DISK = 25
AT_REST_SECONDS = 0.1
MORE, MORE_SECONDS = 11, 60.0
STOPPED_SECONDS = 30.0


def survey(images: int, seed: int, *, fsync: bool = True) -> dict[str, Any]:
    """Take images at random moments; half of them with the writer stopped between two calls."""
    started, chance = time.monotonic(), random.Random(seed)
    figures: dict[str, Any] = {"images": 0, "never_at_rest": 0, "promised": 0, "faults": []}
    for first in range(0, images, IMAGES_OF_A_DISK):
        with tempfile.TemporaryDirectory(prefix="power-cut-", dir=FOLDER) as name:
            count = min(IMAGES_OF_A_DISK, images - first)
            _survey_disk(Path(name), count, chance, fsync, figures)
    return figures | {"seconds": round(time.monotonic() - started, 1), "seed": seed}


def _survey_disk(
    folder: Path, images: int, chance: random.Random, fsync: bool, figures: dict[str, Any]
) -> None:
    log = folder / "promised"
    with new_disk(folder) as disk:
        writer = _writer(disk.home, log, chance.randrange(1 << 30), fsync)
        try:
            for number in range(images):
                os.kill(writer.pid, signal.SIGCONT)
                _wait_for_more(log, writer)
                time.sleep(chance.random() * LONGEST_WAIT_SECONDS)
                if number % 2:
                    os.kill(writer.pid, signal.SIGSTOP)
                known = promised(log)
                taken = disk.copy(folder / "copy", AT_REST_SECONDS)
                os.kill(writer.pid, signal.SIGSTOP)
                if not taken:
                    # It was always at work: then between two of its calls.
                    figures["never_at_rest"] += 1
                    known = promised(log)
                    if not disk.copy(folder / "copy", STOPPED_SECONDS):
                        raise RuntimeError(f"{disk.device} is written to and nobody writes")
                wrong = after_the_cut(folder / "copy", known, folder / "after")
                figures["images"] += 1
                figures["faults"] += [f"image {figures['images']}: {fault}" for fault in wrong]
            figures["promised"] += len(promised(log))
            if writer.poll() is not None:
                figures["faults"].append(f"the writer ended by itself with {writer.returncode}")
        finally:
            writer.kill()
            writer.wait()


def _wait_for_more(log: Path, writer: "subprocess.Popen[str]") -> None:
    """Wait until some more is promised, so that each image has something new on a slow disk, too."""
    least, deadline = len(promised(log)) + MORE, time.monotonic() + MORE_SECONDS
    while len(promised(log)) < least and writer.poll() is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the writer promised {len(promised(log))} of {least}")
        time.sleep(0.005)


def _writer(home: Path, log: Path, seed: int, fsync: bool) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "tests.faults.power_cut.writer",
        str(home),
        str(log),
        str(seed),
    ]
    command += [] if fsync else ["--no-fsync"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout as told:
        if told.readline() != "writing\n":
            raise RuntimeError("the writer did not start")
    return writer


def main() -> int:
    """Exit code 1 when something was wrong; with `--no-fsync`, when nothing was."""
    parser = argparse.ArgumentParser(prog="tests.faults.power_cut", description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-fsync", action="store_true")
    asked = parser.parse_args()
    figures = survey(asked.images, asked.seed, fsync=not asked.no_fsync)
    found = len(figures["faults"])
    print(json.dumps(figures | {"faults": found, "first": figures["faults"][:5]}, indent=1))
    return 0 if bool(found) is asked.no_fsync else 1


if __name__ == "__main__":
    sys.exit(main())
