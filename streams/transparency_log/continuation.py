"""Proofs that travel with a checkpoint: its log continues earlier ones.

Each is the size of the earlier log and the hashes of the proof, as in
https://c2sp.org/tlog-witness: `old 20852014`, then one line of base64 for each hash. An empty line
is between two proofs."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint
from streams.transparency_log.merkle import HASH_BYTES, ProofFailed, verify_consistency
from streams.transparency_log.note import BadNote, VerifierKey, decoded
from streams.transparency_log.tiles import Tree
from streams.transparency_log.witness import LogRewritten, NotSigned

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


def continuations(tree: Tree, earlier: Iterable[int]) -> bytes:
    """The proofs that a tree continues the trees of earlier sizes. Raises DamagedLog."""
    return b"\n".join(_encode(old, tree.consistency(old)) for old in earlier)


def _encode(old: int, path: Sequence[bytes]) -> bytes:
    hashes = [base64.b64encode(one).decode() for one in path]
    return "".join(f"{line}\n" for line in (f"old {old}", *hashes)).encode()


def parse_continuations(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """The earlier size and the hashes of each proof. Raises BadNote."""
    text = content.decode("ascii", "replace").removesuffix("\n")
    for proof in text.split("\n\n") if text else ():
        yield _parse(proof)


def _parse(proof: str) -> tuple[int, list[bytes]]:
    first, *lines = proof.split("\n")
    old = _OLD.fullmatch(first)
    path = [decoded(line) for line in lines]
    if old is None or any(len(one) != HASH_BYTES for one in path):
        raise BadNote("not a proof that a log continues")
    return int(old[1]), path


class CheckpointChain:
    """Follows checkpoints with their proofs, in the order in which a topic has them, from the one
    that a witness holds.

    Whoever may write the topic can repeat checkpoints and omit proofs, but not sign. So what the
    log did not sign is passed over, also checkpoints smaller than the one that is held."""

    def __init__(self, held: Checkpoint | None, key: VerifierKey) -> None:
        """`key` signs the first checkpoint that is taken."""
        self.key = key
        """The key that signs after those taken so far."""
        self._held = held
        self._proven = {held.size: held.root} if held else dict[int, bytes]()
        self._newest: Checkpoint | None = None
        self._smaller: Checkpoint | None = None

    def take(self, content: bytes, proofs: bytes) -> bool:
        """Take the next one; whether it is the newest so far. Raises LogRewritten."""
        try:
            offered = parse_checkpoint(content)
            following = offered.next_key
        except BadNote:
            return False
        if offered.origin != self.key.name or not self.key.signed(offered.note):
            return False
        if following is not None and following.signed(offered.note):
            self.key = following
        if self._held is not None and offered.size < self._held.size:
            self._smaller = offered
            return False
        self._require_continuation(offered, proofs)
        if self._newest is not None and offered.size < self._newest.size:
            return False  # repeated
        self._newest = offered
        return True

    def newest(self) -> Checkpoint:
        """The newest one, which continues the one that is held. Raises LogRewritten, NotSigned."""
        if self._newest is not None:
            return self._newest
        if self._held is not None and self._smaller is not None:
            sizes = f"{self._smaller.size} entries, one of {self._held.size} was seen before"
            raise LogRewritten(
                self._held, self._smaller, f"rolled back: the newest checkpoint has {sizes}"
            )
        raise NotSigned(f"the topic has no checkpoint that {self.key} signed")

    def _require_continuation(self, offered: Checkpoint, proofs: bytes) -> None:
        if self._held is None:
            return
        known = self._proven.get(offered.size)
        if known is not None and known != offered.root:
            why = f"forked: another log of {offered.size} entries was signed"
            raise LogRewritten(self._held, offered, why)
        if known is None and not self._is_proven(offered, proofs):
            why = f"the checkpoint of {offered.size} entries has no proof that it continues"
            raise LogRewritten(self._held, offered, f"{why} that of {self._held.size}")
        self._proven[offered.size] = offered.root

    def _is_proven(self, offered: Checkpoint, proofs: bytes) -> bool:
        with suppress(BadNote):
            return any(
                self._proves(old, path, offered) for old, path in parse_continuations(proofs)
            )
        return False

    def _proves(self, old: int, path: Sequence[bytes], offered: Checkpoint) -> bool:
        try:
            verify_consistency(old, offered.size, self._proven[old], offered.root, path)
        except (KeyError, ProofFailed):
            return False
        return True
