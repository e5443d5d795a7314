"""The proof that an entry is in the log, in one text (https://c2sp.org/tlog-proof)."""

import base64
import re
from dataclasses import dataclass

from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint
from streams.transparency_log.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from streams.transparency_log.note import BadNote, decoded
from streams.transparency_log.tiles import Tree

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Proof:
    """An index, the path from its leaf to the root, and the checkpoint with that root."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    def encode(self) -> bytes:
        """The bytes of the proof."""
        hashes = [base64.b64encode(one).decode() for one in self.path]
        lines = "\n".join((HEADER, f"index {self.index}", *hashes))
        return f"{lines}\n\n".encode() + self.checkpoint.encode()

    def verify(self, leaf: bytes) -> None:
        """Check that a leaf is at the index in the checkpoint's tree. Raises ProofFailed.

        The signatures of the checkpoint are checked apart, with the keys that are trusted."""
        checkpoint = self.checkpoint
        digest = leaf_hash(leaf)
        verify_inclusion(self.index, checkpoint.size, digest, self.path, checkpoint.root)


def prove(tree: Tree, index: int, checkpoint: Checkpoint) -> Proof:
    """The proof of one entry in the tree of a checkpoint."""
    return Proof(index, tuple(tree.inclusion(index, checkpoint.size)), checkpoint)


def parse_proof(content: bytes) -> Proof:
    """The proof in some bytes; extra data is dropped. Raises BadNote."""
    head, blank, note = content.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not blank or lines[0] != HEADER:
        raise BadNote(f"a proof begins with {HEADER}")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if index is None:
        raise BadNote("the proof has no index")
    path = tuple(decoded(line) for line in lines[2:])
    if any(len(one) != HASH_BYTES for one in path):
        raise BadNote(f"a hash of the proof does not have {HASH_BYTES} bytes")
    return Proof(int(index[1]), path, parse_checkpoint(note))
