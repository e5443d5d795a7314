"""The one place where a store is opened: local disk in the home, or the bucket in the settings."""

from contextlib import suppress
from pathlib import Path

from infra.files import write_atomic
from processors.error_catalogue import fix_of
from processors.outcome import StorageError
from processors.tools import Storage
from streams.settings import NotUp, Settings, SettingsError
from streams.storage.local import LocalStorage
from streams.storage_settings import LOCAL


class StoreNotReachable(NotUp):
    """The store in the settings does not answer, or refuses access."""

    def __init__(self, found: str) -> None:
        super().__init__(f"store.not-reachable: {found}")
        self.fix = fix_of("store.not-reachable")


def open_storage(settings: Settings, leases: Path | None = None) -> Storage:
    """The store of these settings; asks nothing of it yet. Raises SettingsError.

    `leases` is a folder for links to local copies; its owner empties it when nobody reads them."""
    _remember(settings)
    if settings.s3 is None:
        return LocalStorage(settings.home)
    # Late: who has the store on local disk loads no client.
    from streams.storage.cache import ObjectCache
    from streams.storage.s3 import S3Storage, connect

    cache = ObjectCache(settings.home / "cache", settings.store_cache_bytes, leases)
    return S3Storage(connect(settings.s3), cache)


def prepare_store(settings: Settings) -> None:
    """What comes before a line starts: the store answers, and old debris is gone. Raises
    SettingsError, StoreNotReachable."""
    storage = reachable_storage(settings)
    if isinstance(storage, LocalStorage):
        storage.sweep()


def reachable_storage(settings: Settings) -> Storage:
    """The store of these settings, which has answered. Raises SettingsError, StoreNotReachable."""
    storage = open_storage(settings)
    check_store(settings)
    return storage


def check_store(settings: Settings) -> None:
    """Ask the store for something it may or may not hold. Raises StoreNotReachable."""
    if settings.s3 is None:
        return
    from streams.storage.s3 import answer

    try:
        answer(settings.s3)
    except StorageError as away:
        found = f"{settings.s3} at {settings.s3.endpoint}: {away}"
        raise StoreNotReachable(found) from away


def _remember(settings: Settings) -> None:
    """Write into a home where its objects are. Raises SettingsError when they are elsewhere."""
    note = settings.run / "store"
    wanted = settings.store
    try:
        known = note.read_text("utf-8").strip()
    except FileNotFoundError:
        known = LOCAL if (settings.home / "receipts").is_dir() else wanted
    if known == wanted and not note.exists():
        _write(note, wanted)
    if known != wanted:
        raise SettingsError(
            f"the objects of {settings.home} are on {known}, and COPYSTAND_STORE says {wanted};"
            " set it as before, or use another home (how to move: docs/how-to/several-machines.md)"
        )


def _write(note: Path, text: str) -> None:
    # A process with read-only access to a home cannot write the note, and need not.
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(note, text + "\n")
