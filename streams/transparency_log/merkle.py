"""The Merkle tree of RFC 6962: hashes, roots, and proofs of inclusion and consistency.

https://www.rfc-editor.org/rfc/rfc6962#section-2.1, https://www.rfc-editor.org/rfc/rfc9162#section-2.1
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32

HashReader = Callable[[int, int], bytes]
"""Gives the hash of a complete subtree: (height, number from the left at that height)."""


class ProofFailed(ValueError):
    """A proof does not lead to the root that it was checked against."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf."""
    return sha256(b"\0" + leaf).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """The hashes of many leaves."""
    return [sha256(b"\0" + leaf).digest() for leaf in leaves]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over the hashes of complete subtrees of one height."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        # A last node without a sibling moves up unchanged.
        last = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs] + last
    return level[0]


class Accumulator:
    """The root of a growing tree, from the hashes of its complete subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []
        """One for each bit of `size` that is set, the largest first."""

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        for node in hashes:
            merged = self.size
            while merged & 1:
                node = sha256(b"\1" + self._subtrees.pop() + node).digest()
                merged >>= 1
            self._subtrees.append(node)
            self.size += 1

    def root(self) -> bytes:
        """The root of what was appended so far."""
        if not self._subtrees:
            return EMPTY_ROOT
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = node_hash(left, node)
        return node


def range_root(start: int, end: int, read: HashReader) -> bytes:
    """The root of the subtree over leaves [start, end).

    `start` is a multiple of the smallest power of two that is not below the length."""
    if end <= start:
        return EMPTY_ROOT
    parts = []
    while start < end:
        height = (end - start).bit_length() - 1
        parts.append(read(height, start >> height))
        start += 1 << height
    node = parts.pop()
    while parts:
        node = node_hash(parts.pop(), node)
    return node


def _split(length: int) -> int:
    """The largest power of two below a length of two or more."""
    return 1 << ((length - 1).bit_length() - 1)


def inclusion_path(index: int, size: int, read: HashReader) -> list[bytes]:
    """The proof that a leaf is in the tree of a size, from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} is not in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(middle, end, read))
            end = middle
        else:
            path.append(range_root(start, middle, read))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, read: HashReader) -> list[bytes]:
    """The proof that the tree of size `new` continues that of size `old`."""
    if not 0 <= old <= new:
        raise IndexError(f"a tree of {new} does not continue one of {old}")
    if old in (0, new):
        return []
    path, start, end = [], 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_root(middle, end, read))
            end = middle
        else:
            path.append(range_root(start, middle, read))
            start = middle
    # The old tree is known to the verifier if it is a complete subtree at the left edge.
    if start:
        path.append(range_root(start, end, read))
    return path[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash is at an index of the tree (RFC 9162 §2.1.3.2). Raises ProofFailed."""
    if not 0 <= index < size:
        raise ProofFailed(f"leaf {index} is not in a tree of {size}")
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofFailed(f"the proof of leaf {index} is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofFailed(f"the proof of leaf {index} is too short")
    if node != root:
        raise ProofFailed(f"the proof of leaf {index} leads to another root")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that one tree continues another (RFC 9162 §2.1.4.2). Raises ProofFailed."""
    if old > new:
        raise ProofFailed(f"a tree of {new} does not continue one of {old}")
    if old in (0, new):
        if path or (old == new and old_root != new_root) or (not old and old_root != EMPTY_ROOT):
            raise ProofFailed(f"trees of {old} and {new} are not consistent")
        return
    nodes = list(path) if old & (old - 1) else [old_root, *path]
    if not nodes:
        raise ProofFailed("the proof of consistency is too short")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = new_node = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise ProofFailed("the proof of consistency is too long")
        if position & 1 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    if last or old_node != old_root or new_node != new_root:
        raise ProofFailed(f"the tree of {new} does not continue the tree of {old}")
