"""Keeps pages, appends records and queues folders in turns; prints each when it is done.

Run: python -m tests.faults.crash_points.working_station HOME
"""

import hashlib
import json
import sys
from itertools import count
from pathlib import Path

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.item_folders import item_folder
from streams.clients.spool.deliveries import Deliveries
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.spool_database import open_spool
from streams.clients.station.capture_record import CaptureRecord, digest_of
from streams.clients.station.folder import SubmissionOptions

PROFILE = "as-delivered"


def show(what: str, content: str) -> None:
    """The tick that an operator sees."""
    print(json.dumps({"what": what, "is": content}), flush=True)


def main() -> None:
    """Work until it is killed."""
    home = Path(sys.argv[1])
    folder = CaptureFolder(home / "captures" / "b-1", "b-1")
    with folder.opened(PROFILE), open_spool(home) as spool:
        item = item_folder(folder, None)
        for number in count(1):
            content = hashlib.shake_256(b"%d" % number).digest(60_000)
            scanned = folder.work / "load.tif"
            scanned.write_bytes(content)
            record = _record(folder.next_ref(item), scanned)
            folder.keep(item, scanned, record)
            show(f"page {record.ref}", record.sha256)
            value = b"capture %d" % number
            show(f"record {Outbox(spool).append('captures', 'key', value)}", value.hex())
            options = SubmissionOptions(f"b-{number}")
            queued = Deliveries(spool).queue(folder.files / item, options)
            show(f"delivery {queued.id}", queued.batch_id)


def _record(ref: str, scanned: Path) -> CaptureRecord:
    return CaptureRecord(
        ref=ref,
        file=f"{ref}.tif",
        sha256=digest_of(scanned),
        size_bytes=scanned.stat().st_size,
        captured_at="2026-05-04T09:30:00.000000Z",
        driver="sane",
        device={"name": "test:0"},
        profile=PROFILE,
        asked={},
        confirmed={},
        found={},
    )


if __name__ == "__main__":
    main()
