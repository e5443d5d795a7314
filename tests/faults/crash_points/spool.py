"""A station's spool: what its acts do and what is seen of them."""

import hashlib
import json
import os
from pathlib import Path

from processors.page_list import canonical_json
from processors.tools import Area
from schemas.codec import decode
from schemas.models import BatchSubmitted, FileRef
from streams.clients.spool import delivering, sending
from streams.clients.spool.deliveries import REFUSED, SUBMITTED, Deliveries
from streams.clients.spool.delivering import DeliveryWork
from streams.clients.spool.destination import KeepGoing
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.spool_database import DATABASE, Spool, open_spool
from streams.clients.station.folder import Delivery, ManifestFile, SubmissionOptions
from streams.storage.local import LocalStorage
from tests.faults.crash_points.traced import tell
from tests.support.deliveries import MODS, a_folder, a_png

RECORDS = (("captures", "page-1", b"a capture", "e-1"), ("captures", "page-2", b"another", "e-2"))
BROKER = "broker"
NEVER_SECONDS = 1e6


def _folder(home: Path) -> Path:
    return home.parent / "scans"


def write_folder(home: Path) -> None:
    """A folder with one page."""
    folder = a_folder(_folder(home), {"1.png": a_png(1), "mods.xml": MODS})
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))


def queue(home: Path) -> None:
    """Records are appended, then a folder is queued."""
    with open_spool(home / "spool") as spool:
        for topic, key, value, once in RECORDS:
            Outbox(spool).append(topic, key, value, once=once)
            tell(once)
        tell(Deliveries(spool).queue(_folder(home), SubmissionOptions("b-1")).id)


def queued(home: Path) -> dict[str, str]:
    """The deliveries and records of the spool."""
    if not (home / "spool" / DATABASE).exists():
        return {}
    with open_spool(home / "spool") as spool:
        deliveries = Deliveries(spool)
        found = {
            one.id: f"{one.batch_id} {one.folder.name} {deliveries.listing(one.number)}"
            for one in deliveries.all()
        }
        records = Outbox(spool).unsent()
        return found | {f"e-{one.position}": one.value.decode() for one in records}


class _Store:
    """The store of a line on the same disk."""

    name = "store"

    def __init__(self, home: Path) -> None:
        self._storage = LocalStorage(home)

    def prepare(self, delivery: Delivery) -> None:
        """Nothing to prepare."""

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Store a file."""
        content = file.content if isinstance(file.content, bytes) else file.content.path
        kept = self._storage.keep(
            content, area=Area.STAGING, use=file.use, media_type=file.media_type
        )
        keep_going(file.size_bytes)
        return None if kept.sha256 == file.sha256 else "it changed"

    def finish(self, delivery: Delivery) -> FileRef:
        """Store the manifest."""
        content = canonical_json(delivery.manifest)
        return self._storage.keep(content, area=Area.STAGING, use="manifest", media_type="x")


def write_queued(home: Path) -> None:
    """A spool with a queued delivery."""
    write_folder(home)
    with open_spool(home / "spool") as spool:
        Deliveries(spool).queue(_folder(home), SubmissionOptions("b-1"))


def deliver(home: Path) -> None:
    """The work of the background process, with a broker that is a file."""
    # What is done once in a while would make the number of calls depend on the time.
    delivering.SHOW_SECONDS = sending.LOOK_SECONDS = NEVER_SECONDS
    with open_spool(home / "spool") as spool:
        deliveries = Deliveries(spool)
        one = deliveries.get(1)
        if one.state == REFUSED:
            one = deliveries.retry(one.id)
        open_one = deliveries.next()
        if open_one is not None:
            store = _Store(home)
            DeliveryWork(spool, lambda: store, home / "profiles", "s-1").work(open_one)
        if deliveries.get(1).state == REFUSED:
            return
        _publish(home, spool)
        tell(one.id)


def _publish(home: Path, spool: Spool) -> None:
    outbox = Outbox(spool)
    for record in outbox.unsent():
        with (home / BROKER).open("ab") as broker:
            # A line of its own also after one that was cut off.
            line = json.dumps([record.topic, record.value.hex()])
            broker.write(f"\n{line}\n".encode())
            broker.flush()
            os.fsync(broker.fileno())
        tell("published")
        outbox.acknowledged([record])


def delivered(home: Path) -> dict[str, str]:
    """What has left, each content once, and the delivery when it is submitted."""
    path = home / BROKER
    lines = set(path.read_bytes().split(b"\n")) if path.exists() else set()
    records = [line for line in lines if _is_record(line)]
    found = {"published": f"{len(records)} {_without_time(records[0])}"} if records else {}
    with open_spool(home / "spool") as spool:
        one = Deliveries(spool).get(1)
        if one.state == SUBMITTED:
            found[one.id] = f"{one.event_id} {one.pages}"
    return found


def _is_record(line: bytes) -> bool:
    try:
        return len(json.loads(line)) == 2
    except ValueError:
        return False


def _without_time(line: bytes) -> str:
    """The digest of a record but for the time at which it was made."""
    topic, value = json.loads(line)
    fact = decode(bytes.fromhex(value), BatchSubmitted).model_dump(mode="json")
    fact["head"].pop("occurred_at")
    return f"{topic} {hashlib.sha256(json.dumps(fact, sort_keys=True).encode()).hexdigest()}"
