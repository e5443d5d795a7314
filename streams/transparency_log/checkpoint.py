"""Checkpoints: the size and the root of the log in a signed note (https://c2sp.org/tlog-checkpoint)."""

import base64
import re
from dataclasses import dataclass, field, replace

from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import HASH_BYTES
from streams.transparency_log.note import (
    BadNote,
    Note,
    SignerKey,
    VerifierKey,
    decoded,
    parse_note,
    parse_verifier_key,
)
from streams.transparency_log.tiles import DamagedLog

NEXT_KEY = "next-key "
"""Begins the extension line with which a key names the one that signs after it."""
TOPIC = "topic "
"""Begins the extension line that names the topic with the sealed records; see docs/audit.md."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """The size and root of a log, with the signatures of its note."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    note: Note = field(default_factory=lambda: Note(""))

    @property
    def text(self) -> str:
        """What is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode())
        return "".join(f"{line}\n" for line in (*lines, *self.extensions))

    @property
    def next_key(self) -> VerifierKey | None:
        """The key that signs after this checkpoint, if it is the last one of its key."""
        for line in self.extensions:
            if line.startswith(NEXT_KEY):
                return parse_verifier_key(line.removeprefix(NEXT_KEY))
        return None

    @property
    def topic(self) -> str | None:
        """The topic that it names; None while the log is on its first one."""
        for line in self.extensions:
            if line.startswith(TOPIC):
                return line.removeprefix(TOPIC)
        return None

    def encode(self) -> bytes:
        """The bytes of the signed checkpoint."""
        return self.note.encode()


class ForkRefused(DamagedLog):
    """The log does not continue the last checkpoint, so no other one may be signed."""


def parse_checkpoint(content: bytes) -> Checkpoint:
    """The checkpoint in some bytes; its signatures are not checked. Raises BadNote."""
    note = parse_note(content)
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise BadNote("a checkpoint has three lines or more, and none is empty")
    if not _SIZE.fullmatch(lines[1]):
        raise BadNote(f"the size of a checkpoint is not a number: {lines[1]!r}")
    root = decoded(lines[2])
    if len(root) != HASH_BYTES:
        raise BadNote(f"the root of a checkpoint has {len(root)} bytes, not {HASH_BYTES}")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]), note)


def sign(checkpoint: Checkpoint, *signers: SignerKey) -> Checkpoint:
    """The checkpoint with the signatures of a log's keys."""
    text = checkpoint.text
    note = Note(text, checkpoint.note.signatures).signed(*(one.sign(text) for one in signers))
    return replace(checkpoint, note=note)


def cosign(checkpoint: Checkpoint, witness: SignerKey, at: int) -> Checkpoint:
    """The checkpoint with a witness's signature at a time in seconds since 1970."""
    note = checkpoint.note.signed(witness.cosign(checkpoint.note.text, at))
    return replace(checkpoint, note=note)


def require_continuation(store: LogStore, last: Checkpoint | None) -> None:
    """Check that the log on disk contains what its last checkpoint signed. Raises ForkRefused."""
    if last is None:
        return
    if store.size < last.size:
        raise ForkRefused(
            store.size, f"it is missing; a checkpoint of {last.size} entries was signed"
        )
    if store.root(last.size) != last.root:
        raise ForkRefused(0, f"the root of {last.size} entries is not the one that was signed")


def next_checkpoint(
    store: LogStore, last: Checkpoint | None, signer: SignerKey, topic: str | None = None
) -> Checkpoint:
    """A signed checkpoint of the log on disk that continues the last one; it names the topic of the
    last one or another. Raises ForkRefused."""
    require_continuation(store, last)
    extensions = _topic_line(topic or (last.topic if last else None))
    return sign(Checkpoint(signer.name, store.size, store.root(), extensions), signer)


def hand_over(
    store: LogStore, last: Checkpoint | None, old: SignerKey, new: SignerKey
) -> Checkpoint:
    """The last checkpoint of a key: it names the next key, and both sign it. Raises ForkRefused."""
    require_continuation(store, last)
    extensions = (*_topic_line(last.topic if last else None), f"{NEXT_KEY}{new.verifier}")
    checkpoint = Checkpoint(old.name, store.size, store.root(), extensions)
    return sign(checkpoint, old, new)


def _topic_line(topic: str | None) -> tuple[str, ...]:
    return (f"{TOPIC}{topic}",) if topic else ()
