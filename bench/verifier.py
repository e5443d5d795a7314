"""Seconds to verify an exported log of a million events with stock Python, and what its log costs.

Run: python -m bench.verifier [--events 1000000] [--record]
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.common import RESULTS, commit, machine
from schemas.store import schema_store
from streams.audit.sealed_record import leaf
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.export import export_all, export_entries
from streams.transparency_log.log_keys import PublicKey, write_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import SignerKey
from tests.faults.chaos import ledger

ORIGIN = "copystand/bench/audit"
EVENTS_OF_A_CHECKPOINT = 256
EVENT_BYTES = 560
"""About the body of a PREMIS event."""
STOCK_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
HEAD = (
    "| date | commit | machine | events | leaves, MB | checkpoints | append, events/s"
    " | open, s | export, s | verify, s | verify, CPU s | peak RSS, MB"
    " | one proof, bytes | result |"
)


def main() -> int:
    """Seal, export and verify; exit code 1 if the verifier refuses the log."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--folder", type=Path, help="Where the log is made; default: temporary.")
    asked.add_argument("--record", action="store_true", help="append to bench/results.md")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        row, right = _measure(Path(scratch), given.events)
    print(HEAD, row, sep="\n")
    if given.record:
        ledger.append_row(HEAD, row, RESULTS)
    return 0 if right else 1


def _measure(scratch: Path, events: int) -> tuple[str, bool]:
    schema_id = schema_store().latest_id("PremisEvent")
    schema = schema_store().text(schema_id).encode()
    appended, checkpoints = _seal(scratch / "log", events, schema_store().digest(schema_id))
    opened = _seconds(lambda: LogStore(scratch / "log").close())
    exported = _seconds(lambda: export_all(scratch / "log", scratch / "out", lambda _: schema))
    export_entries(scratch / "log", scratch / "one", [events // 3], lambda _: schema)
    proof = (scratch / "one" / "entries" / f"{events // 3}.tlog-proof").stat().st_size
    bundles = (scratch / "out" / "tile" / "entries").rglob("*")
    size = sum(path.stat().st_size for path in bundles if path.is_file())
    verified, used, peak, said, code = _verify(scratch / "out")
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), events),
        *(f"{size / 1e6:.0f}", checkpoints, f"{events / appended:.0f}", f"{opened:.2f}"),
        *(f"{exported:.1f}", f"{verified:.1f}", f"{used:.1f}", f"{peak:.0f}", proof, said),
    )
    return "| " + " | ".join(map(str, cells)) + " |", code == 0


def _seal(folder: Path, events: int, schema_sha256: bytes) -> tuple[float, int]:
    """Append events as a sealer does, with a checkpoint after every 256; the seconds it took."""
    draw, signer = random.Random(1), SignerKey(ORIGIN, bytes(32))
    store, files = LogStore(folder), CheckpointFiles(folder)
    write_public_keys(folder, [PublicKey(signer.verifier, 0)])
    content, seconds, count = draw.randbytes(EVENT_BYTES), 0.0, 0
    while store.size < events:
        first = store.size
        batch = range(first, min(events, first + EVENTS_OF_A_CHECKPOINT))
        leaves = [leaf(one, one, schema_sha256, _body(one, content)) for one in batch]
        began = time.monotonic()
        store.append(leaves)
        publish(store, files, signer)
        seconds, count = seconds + time.monotonic() - began, count + 1
    store.close()
    return seconds, count


def _body(number: int, content: bytes) -> bytes:
    return b"\x48" + f"{number:036d}".encode() + content[37:]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _verify(folder: Path) -> tuple[float, float, float, str, int]:
    """Seconds, processor seconds, peak memory in MB, the first word printed, the exit code."""
    command = [STOCK_PYTHON, "-I", "-S", folder / "verify.py"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before, began = used.ru_utime + used.ru_stime, time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = done.stdout.split()
    processor = used.ru_utime + used.ru_stime - before
    return (
        seconds,
        processor,
        used.ru_maxrss / 1000,
        words[0] if words else "nothing",
        done.returncode,
    )


if __name__ == "__main__":
    sys.exit(main())
