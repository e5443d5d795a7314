"""The store of the line as a destination, for a station that may write to it."""

from processors.error_catalogue import fix_of
from processors.outcome import StorageError
from processors.page_list import canonical_json
from processors.tools import Area
from schemas.models import FileRef
from streams.clients.spool.destination import KeepGoing
from streams.clients.spool.waiting import MustWait
from streams.clients.station.folder import Delivery, ManifestFile
from streams.clients.station.storing import require_space_for_all, store_file
from streams.kafka.client import STATION
from streams.settings import NotUp, Settings
from streams.storage.disk_reserve import NoSpace, require_space
from streams.storage.factory import reachable_storage
from streams.uploads.upload_record import write_record

CHUNK = 1 << 20


class LineStore:
    """Local disk in the home, or a bucket."""

    def __init__(self, settings: Settings) -> None:
        """Raises MustWait."""
        self._settings = settings
        try:
            self._storage = reachable_storage(settings, limits=settings.traffic_folder)
        except NotUp as away:
            raise MustWait("store.not-reachable", str(away), away.fix or None) from away

    @property
    def name(self) -> str:
        """Tells it from other destinations."""
        return f"{self._settings.store} {self._settings.home}"

    def prepare(self, delivery: Delivery) -> None:
        """Check that all of it fits."""
        try:
            if self._settings.s3 is None:
                require_space_for_all(delivery, self._storage, self._settings)
        except StorageError as failed:
            raise _waiting(failed) from failed

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Store a file. Raises MustWait, OSError."""
        try:
            change = store_file(
                *(file, self._storage),
                lambda: require_space(self._settings, file.name, [file.size_bytes]),
            )
        except StorageError as failed:
            _read(file)  # A file that cannot be read is not the fault of the store.
            raise _waiting(failed) from failed
        keep_going(file.size_bytes)
        return change

    def finish(self, delivery: Delivery) -> FileRef:
        """Store the manifest, and that this sender has stored all of it. Raises MustWait."""
        content = canonical_json(delivery.manifest)
        try:
            manifest = self._storage.keep(
                content, area=Area.STAGING, use="manifest", media_type="application/json"
            )
            write_record(self._storage, self._settings.signing_key(STATION), manifest)
            return manifest
        except NotUp as missing:
            raise MustWait("spool.not-set-up", str(missing)) from missing
        except StorageError as failed:
            raise _waiting(failed) from failed


def _waiting(failed: StorageError) -> MustWait:
    if isinstance(failed, NoSpace):
        return MustWait(failed.code, str(failed).removeprefix(f"{failed.code}: "), failed.fix)
    return MustWait("store.not-reachable", str(failed), fix_of("store.not-reachable"))


def _read(file: ManifestFile) -> None:
    if not isinstance(file.content, bytes):
        with file.content.path.open("rb") as opened:
            while opened.read(CHUNK):
                pass
