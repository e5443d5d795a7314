"""Ways to tamper with an exported log, each with the exact first index that a verifier must name."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from streams.transparency_log.checkpoint import NEXT_KEY, Checkpoint, parse_checkpoint, sign
from streams.transparency_log.checkpoint_files import split
from streams.transparency_log.merkle import Accumulator, leaf_hashes, root_of
from streams.transparency_log.note import Note, SignerKey
from streams.transparency_log.tiles import (
    ENTRIES,
    HEIGHT,
    WIDTH,
    decode_entries,
    encode_entries,
    tile_path,
    width_of,
)
from streams.transparency_log.verifier import Result
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY, an_event_id

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


# ---- entries alone ---------------------------------------------------------------------------
def edit(log: Export) -> Mutated:
    """Change a byte of an entry's event."""

    def change(entries: list[bytes], at: int) -> None:
        entries[at] = log.changed(entries[at], SEAL_BYTES)

    log.change_bundle(change)
    return log.exact(log.index)


def header_change(log: Export) -> Mutated:
    """Change a byte of an entry's number, time or schema digest."""

    def change(entries: list[bytes], at: int) -> None:
        entries[at] = log.changed(entries[at], 0, SEAL_BYTES)

    log.change_bundle(change)
    return log.exact(log.index)


def delete(log: Export) -> Mutated:
    """Remove an entry from its bundle."""

    def change(entries: list[bytes], at: int) -> None:
        del entries[at]

    log.change_bundle(change)
    return log.exact(log.index)


def insert(log: Export) -> Mutated:
    """Put another entry before an entry."""
    other = log.draw.choice([log.changed(log.leaves[log.index]), log.leaves[log.other()], b""])
    log.change_bundle(lambda entries, at: entries.insert(at, other))
    return log.exact(log.index)


def double(log: Export) -> Mutated:
    """Put a copy behind an entry."""
    log.change_bundle(lambda entries, at: entries.insert(at, entries[at]))
    return log.exact(log.index + 1)


def append(log: Export) -> Mutated:
    """Put an entry at the end of a bundle."""
    other = log.draw.choice([log.changed(log.leaves[log.index]), log.leaves[log.other()], b""])
    log.change_bundle(lambda entries, at: entries.append(other))
    return log.exact(min(log.size, (log.index // WIDTH + 1) * WIDTH))


def swap(log: Export) -> Mutated:
    """Exchange two entries."""
    other, leaves = log.other(), list(log.leaves)
    leaves[log.index], leaves[other] = leaves[other], leaves[log.index]
    for number in range(-(-log.size // WIDTH)):
        part = leaves[number * WIDTH : number * WIDTH + WIDTH]
        log.files[log.path(ENTRIES, number)] = encode_entries(part)
    return log.exact(min(log.index, other))


def truncate(log: Export) -> Mutated:
    """Cut a bundle at a byte."""
    number = log.index // WIDTH
    path, end = log.path(ENTRIES, number), 0
    cut = log.draw.randrange(len(log.files[path]))
    log.files[path] = log.files[path][:cut]
    for index in range(number * WIDTH, log.size):
        end += 2 + len(log.leaves[index])
        if end > cut:
            return log.exact(index)
    raise AssertionError("nothing was cut")


def lost_entries(log: Export) -> Mutated:
    """Remove the bundles from some place on."""
    number = log.index // WIDTH
    for one in range(number, -(-log.size // WIDTH)):
        del log.files[log.path(ENTRIES, one)]
    return log.exact(number * WIDTH)


def lost_end(log: Export) -> Mutated:
    """Remove the bundles and the hashes from some place on."""
    number = log.index // WIDTH
    for one in range(number, -(-log.size // WIDTH)):
        del log.files[log.path(ENTRIES, one)]
        del log.files[log.path(0, one)]
    return log.ranged(number * WIDTH)


# ---- hash tiles alone ------------------------------------------------------------------------
def hash_edit(log: Export) -> Mutated:
    """Change a byte of an entry's hash."""
    number, within = divmod(log.index, WIDTH)
    path = log.path(0, number)
    log.files[path] = (
        log.files[path][: 32 * within]
        + log.changed(log.files[path][32 * within : 32 * within + 32])
        + log.files[path][32 * within + 32 :]
    )
    return log.exact(log.index)


def hash_truncate(log: Export) -> Mutated:
    """Cut a hash tile."""
    number = log.index // WIDTH
    path = log.path(0, number)
    cut = log.draw.randrange(len(log.files[path]))
    log.files[path] = log.files[path][:cut]
    return log.exact(number * WIDTH + cut // 32)


def upper_tile(log: Export) -> Mutated:
    """Change a hash above the hashes of entries."""
    path = log.path(1, 0)
    place = log.draw.randrange(log.size // WIDTH)
    tile = log.files[path]
    changed = log.changed(tile[32 * place : 32 * place + 32])
    log.files[path] = tile[: 32 * place] + changed + tile[32 * place + 32 :]
    return Mutated(place * WIDTH, place * WIDTH + WIDTH - 1)


def surplus_file(log: Export) -> Mutated:
    """Add a file that no entry has."""
    number = -(-log.size // WIDTH) + log.draw.randint(0, 3)
    width = log.draw.randint(1, WIDTH)
    log.files[tile_path(log.draw.choice([0, ENTRIES]), number, width)] = b"\0\0"
    return log.exact(log.size)


# ---- everything that one can compute without a key ---------------------------------------------
def rewrite(log: Export) -> Mutated:
    """Change entries, and compute all tiles again."""
    leaves = log.forged()
    log.rebuild(leaves, log.size)
    return log.ranged(log.index)


# ---- checkpoints and keys ----------------------------------------------------------------------
def checkpoint_edit(log: Export) -> Mutated:
    """Change a byte of a checkpoint."""
    notes = [one.encode() for one in log.checkpoints]
    place = log.draw.randrange(len(notes))
    notes[place] = log.changed(notes[place])
    log.files[KEPT] = b"".join(one + b"\n" for one in notes)
    return log.exact(log.checkpoints[place - 1].size if place else 0)


def newest_edit(log: Export) -> Mutated:
    """Change a byte of the newest checkpoint's file, not of the kept one."""
    log.files["checkpoint"] = log.changed(log.files["checkpoint"])
    return log.exact(log.size)


def newest_rolled_back(log: Export) -> Mutated:
    """Put an earlier checkpoint in the place of the newest."""
    # One of the second key: the first one has handed over.
    earlier = [one for one in log.checkpoints if one.size < log.size and _second(one)]
    one = log.draw.choice(earlier)
    log.files["checkpoint"] = one.encode()
    return log.exact(one.size)


def _second(checkpoint: Checkpoint) -> bool:
    return SECOND_KEY.verifier.signed(checkpoint.note)


def roll_back(log: Export) -> Mutated:
    """Present an earlier state of the log, complete and signed."""
    newest = log.checkpoints[-1]
    past = [n for n, one in enumerate(log.checkpoints) if one.size < log.size and _second(one)]
    kept = log.checkpoints[: log.draw.choice(past) + 1]
    log.rebuild(log.leaves[: kept[-1].size], kept[-1].size)
    log.put(kept)
    return Mutated(kept[-1].size, log.size - 1, [newest.encode()])


def fork(log: Export) -> Mutated:
    """Rewrite the log and sign all of it with the log's own keys."""
    leaves = log.lawful()
    log.rebuild(leaves, log.size)
    log.sign_again(leaves, FIRST_KEY, SECOND_KEY)
    seen = [one for one in log.checkpoints if one.size > log.index]
    before = [one for one in log.checkpoints if one.size <= log.index]
    kept = [log.draw.choice(seen), *(log.draw.sample(before, 1) if before else [])]
    start = kept[1].size if before else 0
    return Mutated(start, kept[0].size - 1, [one.encode() for one in kept])


def key_swap(log: Export) -> Mutated:
    """Sign the log, true or rewritten, with keys of one's own, and list them."""
    leaves = log.draw.choice([log.leaves, log.lawful()])
    log.rebuild(leaves, log.size)
    log.sign_again(leaves, ATTACKER, OTHER_ATTACKER)
    keys = log.files["keys.json"].decode()
    keys = keys.replace(str(FIRST_KEY.verifier), str(ATTACKER.verifier))
    keys = keys.replace(str(SECOND_KEY.verifier), str(OTHER_ATTACKER.verifier))
    log.files["keys.json"] = keys.encode()
    return log.exact(0)


def later_key_swap(log: Export) -> Mutated:
    """Sign the checkpoints from some place on with a key of one's own."""
    place = log.draw.randrange(len(log.checkpoints))
    later = [sign(replace(one, note=Note("")), ATTACKER) for one in log.checkpoints[place:]]
    log.put([*log.checkpoints[:place], *later])
    return log.exact(log.checkpoints[place - 1].size if place else 0)


def listed_key_swap(log: Export) -> Mutated:
    """List another key as the second one."""
    keys = log.files["keys.json"].decode()
    log.files["keys.json"] = keys.replace(str(SECOND_KEY.verifier), str(ATTACKER.verifier)).encode()
    return log.exact(next(one.size for one in log.checkpoints if one.next_key))


def two_roots(log: Export) -> Mutated:
    """Add a checkpoint with another root, signed with the log's key."""
    second = [n for n, one in enumerate(log.checkpoints) if _second(one) and not one.next_key]
    place = log.draw.choice(second)
    one = log.checkpoints[place]
    other = sign(Checkpoint(ORIGIN, one.size, log.draw.randbytes(32)), SECOND_KEY)
    log.put([*log.checkpoints[:place], other, *log.checkpoints[place:]])
    before = max(size for size in log.sizes if size < one.size)
    return Mutated(before, one.size - 1)


def schema_change(log: Export) -> Mutated:
    """Change or remove a schema."""
    path = log.draw.choice([one for one in log.files if one.startswith("schemas/")])
    digest = bytes.fromhex(Path(path).stem)
    log.files[path] = log.changed(log.files[path])
    if log.draw.random() < 0.3:
        del log.files[path]
    return log.exact(next(n for n, one in enumerate(log.leaves) if one[16:48] == digest))


MUTATIONS: list[Callable[[Export], Mutated]] = [
    edit,
    header_change,
    delete,
    insert,
    swap,
    double,
    append,
    truncate,
    lost_entries,
    lost_end,
    hash_edit,
    hash_truncate,
    upper_tile,
    surplus_file,
    rewrite,
    checkpoint_edit,
    newest_edit,
    newest_rolled_back,
    roll_back,
    fork,
    key_swap,
    later_key_swap,
    listed_key_swap,
    two_roots,
    schema_change,
]


@dataclass
class Judged:
    """What the verifier gave for a mutation that it did not find exactly."""

    kind: str
    number: int
    expected: str
    found: str


class Bench:
    """A folder with an export that is changed, checked and restored many times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = (path for path in folder.rglob("*") if path.is_file())
        self.original = {one.relative_to(folder).as_posix(): one.read_bytes() for one in names}

    def put(self, files: Files) -> None:
        """Make the folder's files these."""
        for name in {*files, *self.original}:
            path = self.folder / name
            if name not in files:
                path.unlink(missing_ok=True)
            elif not path.is_file() or path.read_bytes() != files[name]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files[name])

    def restore(self, files: Files) -> None:
        """Undo `put`."""
        for name in files.keys() - self.original.keys():
            (self.folder / name).unlink()
        self.put(self.original)

    def judge(self, number: int, seed: int, check: Callable[[list[Path]], Result]) -> Judged | None:
        """One mutation, drawn from its number and the seed; None if it is found exactly."""
        kind = MUTATIONS[number % len(MUTATIONS)]
        log = Export(self.original, random.Random(f"{seed}-{number}"))
        wanted = kind(log)
        trusted = self.folder.with_name(f"{self.folder.name}-trusted")
        trusted.write_bytes(b"".join(one + b"\n" for one in wanted.trusted))
        self.put(log.files)
        found = check([trusted] if wanted.trusted else [])
        self.restore(log.files)
        expected = (False, wanted.first_bad, wanted.last_possible)
        if (found.ok, found.first_bad, found.last_possible) == expected:
            return None
        return Judged(kind.__name__, number, str(expected), str(found))
