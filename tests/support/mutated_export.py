"""An exported log in memory, with what is needed to change it consistently or not."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from streams.transparency_log.checkpoint import NEXT_KEY, Checkpoint, parse_checkpoint, sign
from streams.transparency_log.checkpoint_files import split
from streams.transparency_log.merkle import Accumulator, leaf_hashes, root_of
from streams.transparency_log.note import SignerKey
from streams.transparency_log.tiles import (
    ENTRIES,
    HEIGHT,
    WIDTH,
    decode_entries,
    encode_entries,
    tile_path,
    width_of,
)
from tests.support.transparency_logs import ORIGIN, an_event_id

KEPT = "checkpoints/000000"
SEAL_BYTES = 48
DATED_BYTES = 16
ATTACKER = SignerKey(ORIGIN, b"\xaa" * 32)
OTHER_ATTACKER = SignerKey(ORIGIN, b"\xbb" * 32)
Files = dict[str, bytes]


@dataclass
class Mutated:
    """Changed files, what the auditor knows, and what the verifier must find."""

    first_bad: int
    last_possible: int
    trusted: list[bytes] = field(default_factory=list)
    """Checkpoints that the auditor kept."""


class Export:
    """An exported log in memory; mutations change its files."""

    def __init__(self, original: Files, draw: random.Random) -> None:
        self.original = original
        self.files = dict(original)
        self.draw = draw
        self.checkpoints = [parse_checkpoint(one) for one in split(original[KEPT])[0]]
        self.size = self.checkpoints[-1].size
        self.leaves = list(self._leaves())
        self.index = draw.randrange(self.size)
        """Where the mutation happens."""

    def _leaves(self) -> Iterator[bytes]:
        for number in range(-(-self.size // WIDTH)):
            yield from decode_entries(self.files[self.path(ENTRIES, number)], number * WIDTH)

    def path(self, level: int | str, number: int) -> str:
        """The name of a tile of this export."""
        height = 0 if level == ENTRIES else int(level)
        return tile_path(level, number, width_of(height, number, self.size))

    @property
    def sizes(self) -> list[int]:
        """The sizes of the checkpoints, each once."""
        return sorted({0, *(one.size for one in self.checkpoints)})

    def segment(self, index: int) -> tuple[int, int]:
        """The range between two checkpoints that an index is in."""
        return next((a, b - 1) for a, b in pairwise(self.sizes) if a <= index < b)

    def exact(self, index: int) -> Mutated:
        """One index can be named."""
        return Mutated(index, index)

    def ranged(self, index: int) -> Mutated:
        """Entries and tiles were changed alike: only two checkpoints enclose the index."""
        return Mutated(*self.segment(index))

    def change_bundle(self, change: Callable[[list[bytes], int], None]) -> None:
        """Change the entries of the bundle of the index, and nothing else."""
        number, within = divmod(self.index, WIDTH)
        path = self.path(ENTRIES, number)
        entries = decode_entries(self.files[path], 0)
        change(entries, within)
        self.files[path] = encode_entries(entries)

    def rebuild(self, leaves: list[bytes], size: int) -> None:
        """Write all tiles for some leaves, with the names of a log of a size."""
        for name in [one for one in self.files if one.startswith("tile/")]:
            del self.files[name]
        hashes, level = leaf_hashes(leaves), 0
        while size >> (HEIGHT * level):
            for number in range(-(-(size >> (HEIGHT * level)) // WIDTH)):
                width = width_of(level, number, size)
                part = slice(WIDTH * number, WIDTH * number + width)
                self.files[tile_path(level, number, width)] = b"".join(hashes[part])
                if level == 0:
                    self.files[tile_path(ENTRIES, number, width)] = encode_entries(leaves[part])
            full = len(hashes) // WIDTH
            hashes = [root_of(hashes[WIDTH * n : WIDTH * n + WIDTH]) for n in range(full)]
            level += 1

    def sign_again(self, leaves: list[bytes], first: SignerKey, second: SignerKey) -> None:
        """Sign all checkpoints for other leaves, with the change of keys where it was."""
        tree, signer, notes = Accumulator(), first, []
        hashes = leaf_hashes(leaves)
        for one in self.checkpoints:
            tree.extend(hashes[tree.size : one.size])
            extensions = (f"{NEXT_KEY}{second.verifier}",) if one.next_key else ()
            signers = (signer, second) if one.next_key else (signer,)
            notes.append(sign(Checkpoint(ORIGIN, one.size, tree.root(), extensions), *signers))
            signer = second if one.next_key else signer
        self.put(notes)

    def put(self, checkpoints: list[Checkpoint]) -> None:
        """Write the checkpoints of the export."""
        self.files[KEPT] = b"".join(one.encode() + b"\n" for one in checkpoints)
        self.files["checkpoint"] = checkpoints[-1].encode()

    def changed(self, leaf: bytes, start: int = 0, end: int | None = None) -> bytes:
        """A leaf with another byte in some range."""
        place = self.draw.randrange(start, len(leaf) if end is None else end)
        other = leaf[place] ^ self.draw.randint(1, 255)
        return leaf[:place] + bytes([other]) + leaf[place + 1 :]

    def forged(self) -> list[bytes]:
        """The leaves after one of them was changed, removed, added or exchanged."""
        leaves, at = list(self.leaves), self.index
        kind = self.draw.choice(["edit", "header", "delete", "insert", "swap"])
        if kind == "edit":
            leaves[at] = self.changed(leaves[at], SEAL_BYTES)
        elif kind == "header":
            leaves[at] = self.changed(leaves[at], 8, SEAL_BYTES)
        elif kind == "delete":
            del leaves[at]
        elif kind == "insert":
            leaves.insert(at, self.changed(leaves[at], SEAL_BYTES))
        else:
            other = self.other()
            leaves[at], leaves[other] = leaves[other], leaves[at]
            self.index = min(at, other)
        if self.draw.random() < 0.5:
            # As one does who knows that the number is in the leaf.
            leaves = [n.to_bytes(8, "big") + leaf[8:] for n, leaf in enumerate(leaves)]
        return leaves

    def lawful(self) -> list[bytes]:
        """Other leaves, numbered and dated as a sealer does, each with an id of its own."""
        events, at = [leaf[DATED_BYTES:] for leaf in self.leaves], self.index
        new = events[at][:32] + bytes([72]) + an_event_id(10**9).encode() + self.draw.randbytes(9)
        kind = self.draw.choice(["edit", "delete", "insert", "swap"])
        if kind == "edit":
            events[at] = self.changed(events[at], 32 + 37)
        elif kind == "delete":
            del events[at]
            events.append(new)
        elif kind == "insert":
            events.insert(at, new)
            events.pop()
        else:
            other = self.other()
            events[at], events[other] = events[other], events[at]
            self.index = min(at, other)
        return [leaf[:DATED_BYTES] + event for leaf, event in zip(self.leaves, events, strict=True)]

    def other(self) -> int:
        """Another index."""
        return self.draw.choice([one for one in range(self.size) if one != self.index])
