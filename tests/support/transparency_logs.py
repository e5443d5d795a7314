"""Small transparency logs of synthetic events, with their keys and exports."""

import random
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from schemas.store import schema_store
from streams.audit.sealed_record import leaf
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.export import export_all
from streams.transparency_log.log_keys import PublicKey, write_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import SignerKey, is_signature

ORIGIN = "copystand/test/audit"
FIRST_KEY = SignerKey(ORIGIN, bytes(range(32)))
SECOND_KEY = SignerKey(ORIGIN, bytes(range(1, 33)))
SCHEMAS = {
    schema_store().digest(one): schema_store().text(one).encode()
    for one in schema_store().ids("PremisEvent")
}
OLD_SCHEMA, NEW_SCHEMA = next(iter(SCHEMAS)), list(SCHEMAS)[-1]
EVENTS_OF_OLD_SCHEMA = 100
FIRST_SEALED_AT = 1_770_000_000_000_000


def an_event_id(number: int) -> str:
    """The id of a synthetic event."""
    return str(UUID(int=number))


def a_leaf(
    index: int, *, event: int | None = None, sealed_at: int | None = None, content: bytes = b""
) -> bytes:
    """A leaf whose body begins as that of an event does: with its id."""
    event_id = an_event_id(index if event is None else event).encode()
    at = FIRST_SEALED_AT + index if sealed_at is None else sealed_at
    schema = OLD_SCHEMA if index < EVENTS_OF_OLD_SCHEMA else NEW_SCHEMA
    return leaf(index, at, schema, bytes([2 * len(event_id)]) + event_id + content)


@dataclass
class Sealed:
    """A log on disk, opened as a sealer does."""

    folder: Path
    signer: SignerKey = FIRST_KEY

    def __post_init__(self) -> None:
        self.store = LogStore(self.folder)
        self.checkpoints = CheckpointFiles(self.folder)
        self.keys = [PublicKey(self.signer.verifier, 0)]
        write_public_keys(self.folder, self.keys)

    def seal(self, count: int, content: bytes = b"some detail") -> None:
        """Append events and sign a checkpoint."""
        first = self.store.size
        self.store.append([a_leaf(one, content=content) for one in range(first, first + count)])
        self.sign()

    def sign(self) -> None:
        """Sign a checkpoint of the present size."""
        publish(self.store, self.checkpoints, self.signer)

    def rotate(self, following: SignerKey) -> None:
        """Let another key sign from here on."""
        publish(self.store, self.checkpoints, self.signer, following)
        self.keys.append(PublicKey(following.verifier, self.store.size))
        write_public_keys(self.folder, self.keys)
        self.signer = following

    def export(self, target: Path) -> Path:
        """The complete log in a new folder."""
        export_all(self.folder, target, SCHEMAS.__getitem__)
        return target


def a_sealed_log(folder: Path, size: int, seed: int = 1) -> Sealed:
    """A log with a checkpoint after every few events, and two keys."""
    draw, log = random.Random(seed), Sealed(folder)
    while log.store.size < size:
        log.seal(min(size - log.store.size, draw.randint(1, 90)))
        if log.signer is FIRST_KEY and log.store.size >= size // 2:
            log.rotate(SECOND_KEY)
    return log


def in_this_process(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a signature with neither the program openssl nor its library in the verifier."""
    return is_signature(public, message, signature)
