"""The places where something is promised to be on disk, each as a small program of its own.

Every program does as the product does at that place, and tells what it promises the moment it may."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from processors.outcome import StorageError
from processors.package import tar_writer
from processors.tools import Area
from streams.clients.station.folder import ManifestFile
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.storing import store_file
from streams.execution.receipts import Receipts
from streams.kafka.messages import Outgoing
from streams.sealer import anomalies
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.planned_batch import PlanFile
from streams.sealer.validation import IntakeRecord, InvalidRecord
from streams.settings import Settings
from streams.storage.factory import open_storage
from streams.storage.local import PARTIAL, LocalStorage
from tests.faults.crash_points import cache, captures, spool
from tests.faults.crash_points.traced import tell

CONTENT = b"a captured page " * 4096
LARGE = hashlib.shake_256(b"a large page").digest(2_500_000)
WORK_ID = "c1f4ad52-7b6f-5a5e-9f0b-000000000001"
MESSAGES = [Outgoing("digitization.page.acquired.v1", "vol:0001", b"\x00 what was done" * 20)]
OTHERS = [Outgoing("digitization.page.acquired.v1", "vol:0001", b"\x00 what another did")]
TWO_DAYS_SECONDS = 2 * 24 * 3600.0
IMAGE = "image/tiff"
TAR = "application/x-tar"


@dataclass(frozen=True)
class Act:
    """One place of promises."""

    name: str
    run: Callable[[Path], None]
    """In a home; tells each promise as the path below the home that it is about."""
    contents: Callable[[Path], dict[str, str]]
    """What whoever looks sees: names, and digests of what is under them."""
    prepare: Callable[[Path], None]
    start: Callable[[Path], None]
    """What the next start does before work begins."""
    debris: Callable[[Path], list[str]]
    may_raise: tuple[type[Exception], ...] = (StorageError,)
    flushed: bool = True
    """Whether what is promised has bytes that outlast a power cut, and not only the process."""
    named: bool = True
    """Whether its name outlasts a power cut as well; else it is made again when it is missed."""
    weight: float = 1.0
    """Of its points when only a share of them is taken, because it has many of the same kind."""


def objects(home: Path) -> dict[str, str]:
    """Every object of the store, under its key."""
    found = {}
    for area in Area:
        for path in (home / area.value).rglob("*"):
            if path.is_file() and PARTIAL not in path.parts:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(home))] = digest
    return found


def partials(home: Path) -> list[str]:
    """What writers left half written."""
    return [str(path.relative_to(home)) for path in home.glob(f"*/{PARTIAL}/*")]


def sweep(home: Path) -> None:
    """As `up` does, once what lies there is old enough."""
    LocalStorage(home).sweep(now=datetime.now(UTC).timestamp() + TWO_DAYS_SECONDS)


def nothing(home: Path) -> None:
    """No preparation."""


def _scan(home: Path) -> Path:
    return home.parent / "scan.tif"


def _write_scan(home: Path) -> None:
    _scan(home).write_bytes(LARGE)


def keep_master(home: Path) -> None:
    """Bytes as a step makes them."""
    about = {"area": Area.MASTERS, "use": "master", "media_type": IMAGE}
    tell(LocalStorage(home).keep(CONTENT, **about).key)  # type: ignore[arg-type]


def take_in_capture(home: Path) -> None:
    """A captured file into staging, as the station hands it over, and from there to the masters."""
    storage, scan = LocalStorage(home), _scan(home)
    digest = hashlib.sha256(LARGE).hexdigest()
    size, modified = scan.stat().st_size, scan.stat().st_mtime_ns
    found = DeliveredFile(scan, scan.name, size, modified, IMAGE, True, None, "a page")
    wrong = store_file(ManifestFile(scan.name, found, digest, size, "capture", IMAGE), storage)
    if wrong:
        raise AssertionError(wrong)
    staged = f"staging/sha256/{digest[:2]}/{digest}"
    tell(staged)
    master = storage.keep(home / staged, area=Area.MASTERS, use="master", media_type=IMAGE)
    tell(master.key)


def keep_receipt(home: Path) -> None:
    """As the driver: what was told before is told again; and as a second worker, who comes late."""
    receipts = Receipts(LocalStorage(home))
    told = receipts.find("batch-1", WORK_ID, 1)
    if told is None:
        told = receipts.keep("batch-1", WORK_ID, None, MESSAGES)
    key = f"receipts/batch-1/{WORK_ID[:2]}/{WORK_ID}"
    tell(key)
    if receipts.keep("batch-1", WORK_ID, None, OTHERS) != told or told != MESSAGES:
        raise AssertionError("two answers for one work")
    tell(key)


def keep_package(home: Path, scratch: Path | None = None) -> None:
    """A tar written into a scratch folder, and taken over by the store."""
    target = (scratch or home.parent) / "package.tar"
    members = [
        tar_writer.member_of("bagit.txt", b"BagIt-Version: 1.0\n"),
        tar_writer.member_of("data/1", LARGE),
    ]
    written = tar_writer.write(target, "vol.v1", members, mtime=0)
    about = {"area": Area.PACKAGES, "use": "package", "media_type": TAR}
    kept = LocalStorage(home).keep(target, move=True, **about)  # type: ignore[arg-type]
    if kept.sha256 != written:
        raise AssertionError(f"written as {written}, kept as {kept.sha256}")
    tell(kept.key)


def keep_package_from_elsewhere(home: Path) -> None:
    """The scratch folder lies on another file system, where nothing can be taken over."""
    scratch = _elsewhere(home)
    scratch.mkdir()
    if scratch.stat().st_dev == home.stat().st_dev:
        raise AssertionError(f"{scratch} is on the file system of {home}")
    keep_package(home, scratch)
    shutil.rmtree(scratch)


def _elsewhere(home: Path) -> Path:
    return Path("/dev/shm") / f"copystand-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def sweep_elsewhere(home: Path) -> None:
    """As the pool does with the scratch folders of those who died, and `up` with the store."""
    shutil.rmtree(_elsewhere(home), ignore_errors=True)
    sweep(home)


def seal_three(home: Path) -> None:
    """The sealer's index after three transactions."""
    index = EventIndex(home / "audit" / "index.db")
    before = index.position()
    for number in range(before.next_seq, 3):
        event_id = f"00000000-0000-5000-8000-{number:012d}"
        after = Position(number + 1, 2 * number + 2, number)
        index.advance(before, [IndexedEvent(event_id, number, event_id.encode())], after)
        tell(str(number))
        before = after
    index.close()


def indexed(home: Path) -> dict[str, str]:
    """The events of the index by number."""
    if not (home / "audit" / "index.db").exists():
        return {}
    index = EventIndex(home / "audit" / "index.db")
    found = {str(one.seq): f"{one.event_id} {one.digest.hex()}" for one in index.all()}
    position = index.position().next_seq
    index.close()
    return found if position == len(found) else {"position": f"{position} of {len(found)}"}


def keep_anomaly(home: Path) -> None:
    """A record that the sealer refuses."""
    when = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    arrival = IntakeRecord("digitization.audit.intake.v1", 0, 7, when, b"key", CONTENT)
    kept = anomalies.preserve(
        home / "audit" / "anomalies", arrival, InvalidRecord("log.too-large", "too large")
    )
    tell(str(kept.relative_to(home)))
    tell(str(kept.with_suffix(".json").relative_to(home)))


def kept_anomalies(home: Path) -> dict[str, str]:
    """What is kept of refused records."""
    paths = (home / "audit" / "anomalies").glob("[!.]*")
    found = {str(path.relative_to(home)): path.read_bytes() for path in paths}
    return {name: hashlib.sha256(value).hexdigest() for name, value in found.items()}


def drafts(home: Path) -> list[str]:
    """Files of the sealer that were never finished."""
    return [str(path.relative_to(home)) for path in home.glob("audit/anomalies/.*")]


def make_audit_folder(home: Path) -> None:
    """The sealed log has made it."""
    (home / "audit").mkdir()


def plan_batches(home: Path) -> None:
    """As the sealer, before each of two transactions."""
    path = home / "audit" / "planned.json"
    PlanFile(path).write(0, [b"one", b"two"], (0, 2))
    PlanFile(path).write(2, [b"three"], (2, 3))
    tell("audit/planned.json")


def planned(home: Path) -> dict[str, str]:
    """The last batch, once the first one was written; a file that is not a batch is one, too."""
    path = home / "audit" / "planned.json"
    batch = PlanFile(path).read()
    if not path.exists() or (batch is not None and batch.first_seq == 0):
        return {}
    return {"audit/planned.json": f"{batch}"}


def remember_store(home: Path) -> None:
    """The note in a new home that says where its objects are."""
    open_storage(Settings.load({"COPYSTAND_HOME": str(home)}))
    if note(home):
        tell("run/store")


def note(home: Path) -> dict[str, str]:
    """What the note says."""
    path = home / "run" / "store"
    return {"run/store": path.read_text()} if path.exists() else {}


def no_debris(home: Path) -> list[str]:
    """What is left is its own business."""
    return []


STORE = Act("master", keep_master, objects, nothing, sweep, partials)
ACTS = (
    STORE,
    replace(STORE, name="capture", run=take_in_capture, prepare=_write_scan),
    replace(STORE, name="receipt", run=keep_receipt),
    replace(STORE, name="package", run=keep_package, may_raise=(StorageError, OSError)),
    replace(
        *(STORE,),
        name="package-elsewhere",
        run=keep_package_from_elsewhere,
        start=sweep_elsewhere,
        may_raise=(StorageError, OSError),
    ),
    Act("index", seal_three, indexed, nothing, nothing, no_debris, (Exception,), flushed=False),
    Act("plan", plan_batches, planned, make_audit_folder, nothing, no_debris, (OSError,)),
    Act("anomaly", keep_anomaly, kept_anomalies, nothing, nothing, drafts, (OSError,)),
    Act(
        *("page", captures.keep_page, captures.pages, nothing, captures.reopen),
        *(captures.left_over, (OSError,)),
    ),
    Act(
        *("spool-queue", spool.queue, spool.queued, spool.write_folder, nothing, no_debris),
        *((Exception,), False),
        weight=0.3,
    ),
    Act(
        *("spool-work", spool.deliver, spool.delivered, spool.write_queued, nothing, no_debris),
        *((Exception,), False),
        weight=0.3,
    ),
    Act(
        *("cache", cache.read_objects, cache.copies, nothing, cache.sweep, cache.left_over, ()),
        *(False, False, 0.1),
    ),
    Act("note", remember_store, note, nothing, nothing, no_debris, (OSError,), named=False),
)
