"""A small log of real events on disk, with the index of its sealer and the messages of its topic."""

from dataclasses import dataclass
from pathlib import Path

from schemas.codec import encode
from streams.audit.sealed_record import Headers, Seal, SealedRecord, headers_of, schema_digest
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.validation import content_digest
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.log_keys import PublicKey, write_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.tiles import Tree
from tests.support.audit_log import an_event
from tests.support.transparency_logs import FIRST_KEY

FIRST_SEALED_AT = 1_770_000_000_000_000


def a_record(seq: int, detail: str = "all is well", **head: object) -> SealedRecord:
    """A sealed event; the same for the same arguments."""
    event = an_event(seq, detail, **head)
    value = encode(event)
    seal = Seal(seq, FIRST_SEALED_AT + seq, schema_digest(value))
    return SealedRecord(event.head.event_id, value, seal)


@dataclass(frozen=True)
class Small:
    """A log in a folder, and its records."""

    folder: Path
    records: list[SealedRecord]

    @property
    def tree(self) -> Tree:
        """What the newest checkpoint signs."""
        return Tree(static_tiles(self.folder), newest_checkpoint(self.folder).size)

    @property
    def index(self) -> Path:
        """The file of the sealer's index."""
        return self.folder.with_name("index.db")


def a_small_log(folder: Path, records: list[SealedRecord], signed: int) -> Small:
    """A log with an index; events behind the first ones have no checkpoint yet."""
    store, files = LogStore(folder), CheckpointFiles(folder)
    write_public_keys(folder, [PublicKey(FIRST_KEY.verifier, 0)])
    store.append([one.leaf for one in records[:signed]])
    publish(store, files, FIRST_KEY)
    store.append([one.leaf for one in records[signed:]])
    store.close()
    made = Small(folder, records)
    index = EventIndex(made.index)
    events = [
        IndexedEvent(one.event_id, one.seal.seq, content_digest(one.seal.schema_sha256, one.value))
        for one in records
    ]
    last = records[-1].seal
    index.advance(Position(0, 0, 0), events, Position(len(records), 2000, last.sealed_at))
    index.close()
    return made


@dataclass(frozen=True)
class OnTopic:
    """A record as the Kafka client gives it."""

    place: int
    content: bytes | None
    sent: Headers

    def value(self) -> bytes | None:
        """Its value."""
        return self.content

    def headers(self) -> Headers:
        """Its headers."""
        return self.sent

    def offset(self) -> int:
        """Its offset."""
        return self.place


def on_topic(records: list[SealedRecord]) -> list[OnTopic]:
    """Records as the sealer writes them."""
    return [OnTopic(at, one.value, headers_of(one.seal)) for at, one in enumerate(records)]
