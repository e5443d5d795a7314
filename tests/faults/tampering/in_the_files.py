"""What somebody changes in audit/log and in the index of the sealer, without the sealer's key."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from streams.transparency_log.checkpoint import Checkpoint, sign
from streams.transparency_log.checkpoint_files import NEWEST, read_all
from streams.transparency_log.journal import first_indexes
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import leaf_hashes
from streams.transparency_log.note import SignerKey
from streams.transparency_log.tiles import (
    ENTRIES,
    WIDTH,
    decode_entries,
    encode_entries,
    tile_path,
    width_of,
)
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.victim import Victim

BY = "who writes to the home"
HASH = 32
OTHER_SEED = bytes(range(40, 72))
Apply = Callable[[Victim], int]


def _bundle(victim: Victim, number: int) -> Path:
    return victim.log / tile_path(ENTRIES, number, width_of(0, number, victim.size))


def _tile(victim: Victim, level: int, number: int) -> Path:
    return victim.log / tile_path(level, number, width_of(level, number, victim.size))


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _entries(change: Callable[[list[bytes], int, Victim], int | None]) -> Apply:
    """Change the entries of a bundle; the change gives the first bad place, if not the drawn one."""

    def apply(victim: Victim) -> int:
        seq = victim.draw.randrange(victim.size - 2)
        number, within = divmod(seq, WIDTH)
        within = min(within, WIDTH - 3)
        path = _bundle(victim, number)
        leaves = decode_entries(path.read_bytes(), number * WIDTH)
        shift = change(leaves, within, victim) or 0
        path.write_bytes(encode_entries(leaves))
        return number * WIDTH + within + shift

    return apply


def _edit(leaves: list[bytes], at: int, victim: Victim) -> None:
    where = victim.draw.randrange(48, len(leaves[at]))
    leaves[at] = leaves[at][:where] + bytes([leaves[at][where] ^ 1]) + leaves[at][where + 1 :]


def _move_time(leaves: list[bytes], at: int, _: Victim) -> None:
    later = int.from_bytes(leaves[at][8:16], "big") + 1
    leaves[at] = leaves[at][:8] + later.to_bytes(8, "big") + leaves[at][16:]


def _other_schema(leaves: list[bytes], at: int, _: Victim) -> None:
    leaves[at] = leaves[at][:16] + b"\7" * HASH + leaves[at][48:]


def _remove(leaves: list[bytes], at: int, _: Victim) -> None:
    del leaves[at]


def _insert(leaves: list[bytes], at: int, _: Victim) -> None:
    leaves.insert(at, leaves[at][:60] + b"forged" + leaves[at][66:])


def _repeat(leaves: list[bytes], at: int, _: Victim) -> int:
    leaves.insert(at, leaves[at])
    return 1


def _swap(leaves: list[bytes], at: int, _: Victim) -> None:
    leaves[at], leaves[at + 1] = leaves[at + 1], leaves[at]


def _first_bundle_gone(victim: Victim) -> int:
    _bundle(victim, 0).unlink()
    return 0


def _bundles_swapped(victim: Victim) -> int:
    first, second = _bundle(victim, 0), _bundle(victim, 1)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    return 0


def _bundle_cut(victim: Victim) -> int:
    path = _bundle(victim, 1)
    leaves = decode_entries(path.read_bytes(), WIDTH)
    path.write_bytes(encode_entries(leaves[:-5]) + b"\0")
    return 2 * WIDTH - 5


def _entry_and_hash(victim: Victim) -> int:
    """Both alike: only the next checkpoint shows it, so the range begins where the last agreed."""
    number, within = 1, 40
    path = _bundle(victim, number)
    leaves = decode_entries(path.read_bytes(), number * WIDTH)
    _edit(leaves, within, victim)
    path.write_bytes(encode_entries(leaves))
    _tile(victim, 0, number).write_bytes(b"".join(leaf_hashes(leaves)))
    seq = number * WIDTH + within
    return max([one.size for one in read_all(victim.log) if one.size <= seq], default=0)


def _hash(victim: Victim) -> int:
    seq = victim.draw.randrange(2 * WIDTH)
    _flip(_tile(victim, 0, seq // WIDTH), seq % WIDTH * HASH + 5)
    return seq


def _hash_tile_gone(victim: Victim) -> int:
    _tile(victim, 0, 1).unlink()
    return WIDTH


def _upper_hash(victim: Victim) -> int:
    _flip(_tile(victim, 1, 0), HASH + 3)
    return WIDTH


def _last_partial_cut(victim: Victim) -> int:
    path = _bundle(victim, victim.size // WIDTH)
    leaves = decode_entries(path.read_bytes(), 0)
    path.write_bytes(encode_entries(leaves[:-2]))
    return victim.size - 2


# ---- checkpoints and keys --------------------------------------------------------------------
def _sizes(victim: Victim) -> list[int]:
    return [one.size for one in read_all(victim.log)]


def _newest_flipped(victim: Victim) -> int:
    _flip(victim.log / NEWEST, -10)
    return _sizes(victim)[-1]


def _newest_removed(victim: Victim) -> int:
    (victim.log / NEWEST).unlink()
    return _sizes(victim)[-1]


def _newest_rolled_back(victim: Victim) -> int:
    older = list(read_all(victim.log))[-2]
    (victim.log / NEWEST).write_bytes(older.encode())
    return older.size


def _an_old_one_flipped(victim: Victim) -> int:
    path = victim.log / "checkpoints" / "000000"
    first, _, _ = path.read_bytes().partition(b"\n\n")
    _flip(path, len(first) - 3)
    return 0


def _all_removed(victim: Victim) -> int:
    (victim.log / "checkpoints" / "000000").write_bytes(b"")
    (victim.log / NEWEST).unlink()
    return 0


def _signed_by_another(victim: Victim) -> int:
    newest = list(read_all(victim.log))[-1]
    signer = SignerKey(newest.origin, OTHER_SEED)
    forged = sign(Checkpoint(newest.origin, newest.size, newest.root), signer)
    (victim.log / NEWEST).write_bytes(forged.encode())
    return newest.size


def _keys(change: Callable[[dict[str, list[dict[str, object]]]], None]) -> Apply:
    def apply(victim: Victim) -> int:
        path = victim.log / "keys.json"
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document))
        return 0

    return apply


def _key_swapped(document: dict[str, list[dict[str, object]]]) -> None:
    name = str(document["origin"])
    document["keys"][0]["vkey"] = str(SignerKey(name, OTHER_SEED).verifier)


def _key_added(victim: Victim) -> int:
    path = victim.log / "keys.json"
    document = json.loads(path.read_bytes())
    other = SignerKey(document["origin"], OTHER_SEED).verifier
    document["keys"].append({"vkey": str(other), "from_size": victim.size})
    path.write_text(json.dumps(document))
    return victim.size


def _keys_removed(victim: Victim) -> int:
    (victim.log / "keys.json").unlink()
    return 0


def _log_removed(victim: Victim) -> int:
    shutil.rmtree(victim.log)
    return 0


def _log_rolled_back(victim: Victim) -> int:
    """The folder of an earlier day takes its place: every file of it is valid."""
    kept = list(read_all(victim.log))
    older = next(one for one in reversed(kept) if one.size < victim.size - 3)
    leaves = [record.leaf for record in victim.events[: older.size]]
    keys = (victim.log / "keys.json").read_bytes()
    shutil.rmtree(victim.log)
    store = LogStore(victim.log)
    store.append(leaves)
    store.write_partial_tiles()
    store.close()
    (victim.log / "keys.json").write_bytes(keys)
    (victim.log / "checkpoints").mkdir()
    notes = b"".join(one.encode() + b"\n" for one in kept if one.size <= older.size)
    (victim.log / "checkpoints" / "000000").write_bytes(notes)
    (victim.log / NEWEST).write_bytes(older.encode())
    return older.size


# ---- journal and index -----------------------------------------------------------------------
def _journal(victim: Victim) -> tuple[Path, int]:
    folder = victim.log / "journal"
    first = first_indexes(folder)[-1]
    return folder / f"{first:020d}", first


def _journal_flipped(victim: Victim) -> int:
    path, first = _journal(victim)
    _flip(path, 20)
    return first


def _journal_removed(victim: Victim) -> int:
    path, first = _journal(victim)
    path.unlink()
    return first


def _index(statements: str, first_bad: Callable[[Victim, int], int]) -> Apply:
    def apply(victim: Victim) -> int:
        seq = victim.draw.randrange(victim.size)
        with sqlite3.connect(victim.home / "audit" / "index.db") as database:
            for statement in statements.format(seq=seq, size=victim.size).split(";"):
                database.execute(statement)
        database.close()
        return first_bad(victim, seq)

    return apply


def _index_removed(victim: Victim) -> int:
    for path in (victim.home / "audit").glob("index.db*"):
        path.unlink()
    return 0


def _index_garbage(victim: Victim) -> int:
    _index_removed(victim)
    (victim.home / "audit" / "index.db").write_bytes(b"no database" * 1000)
    return 0


def _of_seq(_: Victim, seq: int) -> int:
    return seq


LOG: dict[str, tuple[str, Apply]] = {
    "an entry is edited": ("edit", _entries(_edit)),
    "an entry gets another time": ("edit", _entries(_move_time)),
    "an entry gets another schema": ("edit", _entries(_other_schema)),
    "an entry is removed": ("delete", _entries(_remove)),
    "an entry is inserted": ("insert", _entries(_insert)),
    "an entry is repeated": ("replay", _entries(_repeat)),
    "two entries change places": ("swap", _entries(_swap)),
    "a bundle is removed": ("delete", _first_bundle_gone),
    "two bundles change places": ("swap", _bundles_swapped),
    "a bundle is cut": ("truncate", _bundle_cut),
    "the last bundle is cut": ("truncate", _last_partial_cut),
    "an entry and its hash are edited": ("edit", _entry_and_hash),
    "a hash is edited": ("edit", _hash),
    "a hash tile is removed": ("delete", _hash_tile_gone),
    "an upper hash is edited": ("edit", _upper_hash),
    "the newest checkpoint is edited": ("edit", _newest_flipped),
    "the newest checkpoint is removed": ("delete", _newest_removed),
    "the newest checkpoint is an older one": ("roll back", _newest_rolled_back),
    "the first checkpoint is edited": ("edit", _an_old_one_flipped),
    "all checkpoints are removed": ("delete", _all_removed),
    "another key signs the newest checkpoint": ("forge", _signed_by_another),
    "the public key is another one": ("forge", _keys(_key_swapped)),
    "a public key is added": ("insert", _key_added),
    "the public keys are removed": ("delete", _keys_removed),
    "the log is removed": ("delete", _log_removed),
    "the log is that of an earlier day": ("roll back", _log_rolled_back),
    "the journal is edited": ("edit", _journal_flipped),
    "the journal is removed": ("delete", _journal_removed),
}
INDEX: dict[str, tuple[str, Apply]] = {
    "the index forgets an event": (
        "delete",
        _index("DELETE FROM events WHERE seq = {seq}", _of_seq),
    ),
    "the index has another digest": (
        "edit",
        _index("UPDATE events SET digest = zeroblob(32) WHERE seq = {seq}", _of_seq),
    ),
    "the index knows an event that was not sealed": (
        "insert",
        _index(
            "INSERT INTO events VALUES (randomblob(16), {size}, zeroblob(32))",
            lambda victim, _: victim.size,
        ),
    ),
    "the index has a time in the future": (
        "edit",
        _index(
            "UPDATE position SET sealed_at = sealed_at + 400000000000000",
            lambda victim, _: victim.size,
        ),
    ),
    "the index is rolled back": (
        "roll back",
        _index("UPDATE position SET next_seq = {seq}, next_offset = 0", _of_seq),
    ),
    "the index is removed": ("delete", _index_removed),
    "the index is no database": ("edit", _index_garbage),
}
TAMPERINGS = [
    *(Tampering(name, operation, BY, "log", apply) for name, (operation, apply) in LOG.items()),
    *(Tampering(name, operation, BY, "index", apply) for name, (operation, apply) in INDEX.items()),
]
