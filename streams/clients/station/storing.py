"""Stores the files of a delivery, if they fit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from processors.page_list import canonical_json
from processors.tools import Area, Storage, staging_key
from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.folder import Delivery, ManifestFile
from streams.clients.station.scan import Progress
from streams.settings import Settings
from streams.storage.disk_reserve import require_space

STORING_THREADS = 4


def store_delivery(
    delivery: Delivery, storage: Storage, settings: Settings, progress: Progress
) -> list[Diagnostic]:
    """Store every file in staging; returns a diagnostic for each that changed meanwhile.

    Raises NoSpace, before anything is copied if not all fits; StorageError."""
    total, done = delivery.size_bytes, 0
    found: list[Diagnostic] = []
    if settings.s3 is None:
        require_space_for_all(delivery, storage, settings)

    def store(file: ManifestFile) -> str | None:
        # Asked again for each file: others write to the disk, too.
        return store_file(
            file, storage, lambda: require_space(settings, file.name, [file.size_bytes])
        )

    with ThreadPoolExecutor(STORING_THREADS) as threads:
        changes = threads.map(store, delivery.files)
        try:
            for file, change in zip(delivery.files, changes, strict=True):
                done += file.size_bytes
                progress("storing", done, total)
                if change:
                    found.append(finding("file.changed-meanwhile", file.name, change))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def require_space_for_all(delivery: Delivery, storage: Storage, settings: Settings) -> None:
    """Raise NoSpace unless all that is not yet in the store fits."""
    sizes = [
        file.size_bytes
        for file in delivery.files
        if storage.size(staging_key(file.sha256)) != file.size_bytes
    ]
    manifest = len(canonical_json(delivery.manifest))
    require_space(settings, delivery.manifest["batch_id"], [*sizes, manifest])


def store_file(
    file: ManifestFile, storage: Storage, before_copy: Callable[[], None] = lambda: None
) -> str | None:
    """Store one file in staging; returns how it changed since it was read, or None."""
    content = file.content
    if not isinstance(content, bytes) and not content.path.is_file():
        return "it was deleted"
    if not storage.holds(staging_key(file.sha256), file.size_bytes):
        before_copy()
        stored = storage.keep(
            content if isinstance(content, bytes) else content.path,
            area=Area.STAGING,
            use=file.use,
            media_type=file.media_type,
        )
        if stored.sha256 != file.sha256:
            return f"its SHA-256 was {file.sha256}, then {stored.sha256}"
    if not isinstance(content, bytes) and not content.is_as_scanned():
        return "its size or modification time changed"
    return None
