"""Ways to tamper with an exported log, each with the exact first index that a verifier must name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streams.transparency_log.checkpoint import Checkpoint, sign
from streams.transparency_log.note import Note
from streams.transparency_log.tiles import (
    ENTRIES,
    WIDTH,
    encode_entries,
    tile_path,
)
from tests.support.mutated_export import (
    ATTACKER,
    KEPT,
    OTHER_ATTACKER,
    SEAL_BYTES,
    Export,
    Mutated,
)
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY


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
