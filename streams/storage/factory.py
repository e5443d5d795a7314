"""Opens the store: local disk in the home, or the bucket of the settings."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from infra.files import read_line, write_atomic
from processors.error_catalogue import fix_of
from processors.outcome import StorageError
from streams.settings import NotUp, Settings, SettingsError
from streams.storage.local import LocalStorage
from streams.storage.object_store import ObjectStore
from streams.storage_settings import LOCAL
from streams.traffic.link_buckets import TrafficClass


class StoreNotReachable(NotUp):
    """The store of the settings does not answer or refuses access."""

    def __init__(self, found: str) -> None:
        super().__init__(f"store.not-reachable: {found}")
        self.fix = fix_of("store.not-reachable")


def open_storage(
    settings: Settings,
    *,
    traffic_class: TrafficClass | None = None,
    limits: Path | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> ObjectStore:
    """The store of these settings; sends no request yet. Raises SettingsError.

    With a class all traffic with a bucket is of it. `limits` is the folder of its limits, the home
    by default; `on_wait` is called again and again while they let a transfer wait."""
    _check_store_of_home(settings)
    if settings.s3 is None:
        return LocalStorage(settings.home)
    # Imported here: a line on local disk does not load the S3 client.
    from streams.storage.cache.local_copies import local_copies
    from streams.storage.s3 import S3Storage, connect
    from streams.storage.transfers import Transfers
    from streams.traffic.traffic import Traffic

    transfers = Transfers(Traffic(limits or settings.home, on_wait=on_wait), traffic_class)
    return S3Storage(connect(settings.s3), local_copies(settings), transfers)


def prepare_store(settings: Settings) -> None:
    """Before a line starts: check that the store answers and remove old unfinished files.

    Raises SettingsError, StoreNotReachable."""
    storage = reachable_storage(settings)
    if isinstance(storage, LocalStorage):
        storage.sweep()


def reachable_storage(
    settings: Settings,
    *,
    traffic_class: TrafficClass | None = None,
    limits: Path | None = None,
) -> ObjectStore:
    """The store of these settings, which answers; see `open_storage`. Raises SettingsError,
    StoreNotReachable."""
    storage = open_storage(settings, traffic_class=traffic_class, limits=limits)
    check_store(settings)
    return storage


def check_store(settings: Settings) -> None:
    """Send the store a request. Raises StoreNotReachable."""
    if settings.s3 is None:
        return
    # Imported here: a line on local disk does not load the S3 client.
    from streams.storage.s3 import check_bucket

    try:
        check_bucket(settings.s3)
    except StorageError as error:
        found = f"{settings.s3} at {settings.s3.endpoint}: {error}"
        raise StoreNotReachable(found) from error


def _check_store_of_home(settings: Settings) -> None:
    """Record in the home where its objects are. Raises SettingsError when they are elsewhere."""
    record = settings.run / "store"
    wanted = settings.store
    recorded = read_line(record)
    known = recorded or (LOCAL if (settings.home / "receipts").is_dir() else wanted)
    if known == wanted and not recorded:
        _write(record, wanted)
    if known != wanted:
        raise SettingsError(
            f"the objects of {settings.home} are on {known}, but COPYSTAND_STORE says {wanted};"
            " restore the setting, or use another home (see docs/how-to/several-machines.md)"
        )


def _write(record: Path, text: str) -> None:
    # A process with read-only access to a home does not write the record.
    with suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(record, text + "\n")
