"""The senders of records whose signatures the line accepts: one file for each public key.

They are below the home, where only the user of the line may write. The router reads them there."""

import base64
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path

from infra.files import read_json, write_json
from streams.signatures import PUBLIC_KEY_BYTES, SigningKey

FOLDER = "senders"
UNSIGNED_UNTIL = "unsigned-until.json"
"""Where the records end that earlier versions wrote, which have no signature."""
NEEDED = "upload-records-from.json"
"""Where the messages end that earlier versions wrote, whose files have no upload record."""
Partition = tuple[str, int]


@dataclass(frozen=True)
class KnownSender:
    """A public key, with whom it belongs to."""

    sender: str
    """The name of its Kafka user."""
    kind: str
    """station or repository: it decides which topics the sender may write. Keys of the home that
    sign upload records alone have the kind operator or ingest."""
    key_id: str
    public_key: bytes
    added_at: str
    revoked_at: str | None = None
    upload_token_sha256: str | None = None
    """Digest of the secret with which the sender stores files; only the sender has it."""


@dataclass(frozen=True)
class RecordsNeeded:
    """From where on a file that a message names needs an upload record of the sender."""

    since: datetime
    """When this home was first started by a version with upload records."""
    offsets: Mapping[Partition, int]
    """Where each partition ended then."""


class KnownSenders:
    """The files of the known senders of a home."""

    def __init__(self, home: Path) -> None:
        """Those of this home; the folder need not exist yet."""
        self._folder = home / FOLDER
        self._read: dict[str, tuple[tuple[int, int], KnownSender | None]] = {}

    def add(self, key: SigningKey, kind: str, upload_token_sha256: str | None = None) -> None:
        """Accept the signatures of a key; does nothing if the key is known."""
        if self.find(key.key_id) is None:
            now = _now()
            known = KnownSender(key.sender, kind, key.key_id, key.public_key, now)
            self._write(replace(known, upload_token_sha256=upload_token_sha256))

    def find(self, key_id: str) -> KnownSender | None:
        """The sender of a key. A file is read again only if it was replaced."""
        file = self._folder / f"{key_id}.json"
        try:
            found = file.stat()
        except FileNotFoundError:
            return None
        version = (found.st_ino, found.st_mtime_ns)
        known = self._read.get(key_id)
        if known is None or known[0] != version:
            known = self._read[key_id] = (version, _parsed(read_json(file)))
        return known[1]

    def active(self, sender: str) -> list[KnownSender]:
        """The keys of a sender that are not revoked."""
        return [one for one in self._all() if one.sender == sender and not one.revoked_at]

    def names(self, kinds: Collection[str]) -> list[str]:
        """The senders of some kinds that have a key that is not revoked."""
        active = [one for one in self._all() if not one.revoked_at and one.kind in kinds]
        return sorted({one.sender for one in active})

    def with_token(self, token_sha256: str) -> KnownSender | None:
        """The sender to whom an upload token belongs, whether revoked or not."""
        for known in self._all():
            if compare_digest(known.upload_token_sha256 or "", token_sha256):
                return known
        return None

    def revoke(self, sender: str) -> None:
        """Refuse every signature of a sender from now on. The files stay, to say why."""
        for known in self.active(sender):
            self._write(replace(known, revoked_at=_now()))

    def unsigned_until(self) -> dict[Partition, int]:
        """The offsets below which records need no signature."""
        return _offsets(read_json(self._folder / UNSIGNED_UNTIL))

    def needs_start(self) -> bool:
        """Whether this home was never started by a version that signs."""
        return not self._folder.exists()

    def require_signatures_from(self, ends: Mapping[Partition, int]) -> None:
        """Record where unsigned records end: at the first start of a version that signs. Later the
        offsets only fall: new records at offsets that a topic lost need a signature."""
        first, known = self.needs_start(), self.unsigned_until()
        if not first:
            ends = {at: min(end, known.get(at, 0)) for at, end in ends.items()}
        self._folder.mkdir(parents=True, exist_ok=True)
        if first or ends != known:
            write_json(self._folder / UNSIGNED_UNTIL, _rows(ends))

    def records_needed(self) -> RecordsNeeded:
        """From where on files need an upload record. Without the file, all do."""
        document = read_json(self._folder / NEEDED)
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            since = datetime.fromisoformat(document["since"])
            return RecordsNeeded(since, _offsets(document["offsets"]))
        return RecordsNeeded(datetime.min.replace(tzinfo=UTC), {})

    def require_records_from(self, ends: Mapping[Partition, int]) -> None:
        """Record where messages end whose files have no upload record: at the first start of a
        version with upload records. Later the offsets only fall, as those of signatures."""
        file, known = self._folder / NEEDED, self.records_needed()
        since = _now()
        if file.exists():
            since = known.since.isoformat()
            ends = {at: min(end, known.offsets.get(at, 0)) for at, end in ends.items()}
        if not file.exists() or ends != known.offsets:
            write_json(file, {"since": since, "offsets": _rows(ends)})

    def _all(self) -> Iterator[KnownSender]:
        for file in sorted(self._folder.glob("*.json")):
            known = self.find(file.stem) if file.name not in (UNSIGNED_UNTIL, NEEDED) else None
            if known is not None:
                yield known

    def _write(self, known: KnownSender) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        document = {name: getattr(known, name) for name in KnownSender.__dataclass_fields__}
        encoded = base64.b64encode(known.public_key).decode()
        write_json(self._folder / f"{known.key_id}.json", document | {"public_key": encoded})


def _parsed(document: Mapping[str, str]) -> KnownSender | None:
    """A sender; None for a damaged file, whose key is then unknown."""
    with suppress(KeyError, TypeError, ValueError):
        key = base64.b64decode(document["public_key"], validate=True)
        if len(key) != PUBLIC_KEY_BYTES:
            return None
        return KnownSender(**{**document, "public_key": key})  # type: ignore[arg-type]
    return None


def _offsets(rows: Mapping[str, Mapping[str, int]]) -> dict[Partition, int]:
    return {
        (topic, int(number)): int(offset)
        for topic, numbers in rows.items()
        for number, offset in numbers.items()
    }


def _rows(offsets: Mapping[Partition, int]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for (topic, number), end in sorted(offsets.items()):
        rows.setdefault(topic, {})[str(number)] = end
    return rows


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
