"""The senders of records whose signatures the line accepts: one file for each public key.

They are below the home, where only the user of the line may write. The router reads them there."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from infra.files import read_json, write_json
from streams.signatures import PUBLIC_KEY_BYTES, SigningKey

FOLDER = "senders"
UNSIGNED_UNTIL = "unsigned-until.json"
"""Where the records end that earlier versions wrote, which have no signature."""
Partition = tuple[str, int]


@dataclass(frozen=True)
class KnownSender:
    """A public key, with whom it belongs to."""

    sender: str
    """The name of its Kafka user."""
    kind: str
    """station or repository: it decides which topics the sender may write."""
    key_id: str
    public_key: bytes
    added_at: str
    revoked_at: str | None = None
    upload_token_sha256: str | None = None
    """Digest of the secret with which the sender will store files; only the sender has it."""


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

    def names(self) -> list[str]:
        """The senders that have a key that is not revoked."""
        return sorted({one.sender for one in self._all() if not one.revoked_at})

    def revoke(self, sender: str) -> None:
        """Refuse every signature of a sender from now on. The files stay, to say why."""
        for known in self.active(sender):
            self._write(replace(known, revoked_at=_now()))

    def unsigned_until(self) -> dict[Partition, int]:
        """The offsets below which records need no signature."""
        rows = read_json(self._folder / UNSIGNED_UNTIL)
        return {
            (topic, int(number)): int(offset)
            for topic, numbers in rows.items()
            for number, offset in numbers.items()
        }

    def needs_start(self) -> bool:
        """Whether this home was never started by a version that signs."""
        return not self._folder.exists()

    def require_signatures_from(self, ends: Mapping[Partition, int]) -> None:
        """Record where unsigned records end: at the first start of a version that signs. Later the
        offsets only fall: new records at offsets that a topic lost need a signature."""
        first, known = self.needs_start(), self.unsigned_until()
        if not first:
            ends = {at: min(end, known.get(at, 0)) for at, end in ends.items()}
        rows: dict[str, dict[str, int]] = {}
        for (topic, number), end in sorted(ends.items()):
            rows.setdefault(topic, {})[str(number)] = end
        self._folder.mkdir(parents=True, exist_ok=True)
        if first or ends != known:
            write_json(self._folder / UNSIGNED_UNTIL, rows)

    def _all(self) -> Iterator[KnownSender]:
        for file in sorted(self._folder.glob("*.json")):
            known = self.find(file.stem) if file.name != UNSIGNED_UNTIL else None
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
