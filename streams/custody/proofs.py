"""Proofs that the events of a report are in the sealed log."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.log_keys import read_public_keys
from streams.transparency_log.merkle import leaf_hash
from streams.transparency_log.proof import prove
from streams.transparency_log.tiles import Tree


@dataclass(frozen=True)
class EventProof:
    """The hash of a sealed event, and the path from it to the root of the log."""

    seq: int
    leaf_hash: bytes
    path: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The proof as in a C2SP tlog-proof, without the checkpoint."""
        lines = [f"index {self.seq}", *(base64.b64encode(one).decode() for one in self.path)]
        return "\n".join(lines)


@dataclass(frozen=True)
class LogProofs:
    """The newest checkpoint of a log, its keys, and the proofs of some events."""

    checkpoint: Checkpoint
    keys: tuple[str, ...]
    events: tuple[EventProof, ...]


def proofs_of(folder: Path, seqs: Iterable[int]) -> LogProofs:
    """The proofs of the events that the newest checkpoint covers, each of them checked.

    Raises FileNotFoundError when there is no checkpoint, BadNote, DamagedLog, ProofFailed."""
    checkpoint = newest_checkpoint(folder)
    tree = Tree(static_tiles(folder), checkpoint.size)
    found = []
    for seq in sorted(one for one in seqs if one < checkpoint.size):
        leaf = tree.leaf(seq)
        proof = prove(tree, seq, checkpoint)
        proof.verify(leaf)
        found.append(EventProof(seq, leaf_hash(leaf), proof.path))
    keys = tuple(str(one.key) for one in read_public_keys(folder))
    return LogProofs(checkpoint, keys, tuple(found))
