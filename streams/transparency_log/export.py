"""The export of a log: a folder that its own verifier, openssl and other programs can check."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from infra.files import DamagedFile
from streams.transparency_log import verifier
from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint
from streams.transparency_log.checkpoint_files import FOLDER, NEWEST, read_all
from streams.transparency_log.log_keys import (
    PUBLIC,
    keys_after,
    read_public_keys,
    write_public_keys,
)
from streams.transparency_log.proof import prove
from streams.transparency_log.tiles import (
    ENTRIES,
    HEIGHT,
    WIDTH,
    StaticTiles,
    Tree,
    encode_entries,
    tile_path,
    width_of,
)

README = Path(__file__).with_name("export_readme.txt")
ATTEMPTS = 10
SEAL_BYTES = 16
DIGEST_BYTES = 32
SchemaReader = Callable[[bytes], bytes]
"""Gives the registered schema with a SHA-256."""
Readable = Callable[[bytes], object]
"""Gives an entry as a JSON document, with its number."""


def static_tiles(folder: Path) -> StaticTiles:
    """The tiles of a log's folder, also while its sealer writes."""

    def fetch(path: str) -> bytes | None:
        full, partial, width = path.partition(".p/")
        # The sealer replaces a partial tile by a larger one, which begins with the same.
        for _ in range(ATTEMPTS if partial else 1):
            for one in (path, full, *_larger(folder, full, int(width or 0))):
                with suppress(FileNotFoundError):
                    return (folder / one).read_bytes()
        return None

    return StaticTiles(fetch)


def _larger(folder: Path, full: str, width: int) -> list[str]:
    try:
        names = [int(one.name) for one in (folder / f"{full}.p").iterdir() if one.name.isdigit()]
    except FileNotFoundError:
        return []
    return [f"{full}.p/{name}" for name in sorted(names, reverse=True) if name > width]


def newest_checkpoint(folder: Path) -> Checkpoint:
    """The newest checkpoint of a log's folder. Raises FileNotFoundError and BadNote."""
    return parse_checkpoint((folder / NEWEST).read_bytes())


def export_all(
    source: Path, target: Path, schema: SchemaReader, readable: Readable | None = None
) -> Checkpoint:
    """Write the complete log up to its newest checkpoint into a new folder. Raises DamagedLog.

    With `readable`, entries.jsonl has the entries for people."""
    checkpoint = newest_checkpoint(source)
    tiles, size = static_tiles(source), checkpoint.size
    _write_frame(source, target, checkpoint, read_all(source))
    schemas: set[bytes] = set()
    # From the right: the partial tiles are removed after the next checkpoints.
    for number in reversed(range(-(-size // WIDTH))):
        width = width_of(0, number, size)
        entries = tiles.entries(number, width)
        _write(target, tile_path(ENTRIES, number, width), encode_entries(entries))
        schemas.update(entry[SEAL_BYTES : SEAL_BYTES + DIGEST_BYTES] for entry in entries)
    level = 0
    while count := size >> (HEIGHT * level):
        for number in reversed(range(-(-count // WIDTH))):
            width = width_of(level, number, size)
            hashes = tiles.hashes(level, number, width)
            _write(target, tile_path(level, number, width), b"".join(hashes))
        level += 1
    _write_schemas(target, schemas, schema)
    if readable is not None:
        _write_readable(target, Tree(static_tiles(target), size).leaves(), readable)
    return checkpoint


def export_entries(
    source: Path,
    target: Path,
    indexes: Iterable[int],
    schema: SchemaReader,
    readable: Readable | None = None,
) -> Checkpoint:
    """Write some entries, each with its proof, into a new folder. Raises DamagedLog.

    With `readable`, entries.jsonl has the entries for people."""
    checkpoint = newest_checkpoint(source)
    tree = Tree(static_tiles(source), checkpoint.size)
    kept = (one for one in read_all(source) if one.next_key is not None)
    _write_frame(source, target, checkpoint, kept)
    (target / "entries").mkdir()
    schemas: set[bytes] = set()
    wanted = sorted(set(indexes))
    for index in wanted:
        entry = tree.leaf(index)
        _write(target, f"entries/{index}", entry)
        _write(target, f"entries/{index}.tlog-proof", prove(tree, index, checkpoint).encode())
        schemas.add(entry[SEAL_BYTES : SEAL_BYTES + DIGEST_BYTES])
    _write_schemas(target, schemas, schema)
    if readable is not None:
        _write_readable(target, map(tree.leaf, wanted), readable)
    return checkpoint


def _write_readable(target: Path, entries: Iterable[bytes], readable: Readable) -> None:
    with (target / "entries.jsonl").open("w", encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(readable(entry), ensure_ascii=False) + "\n")


def _write_frame(
    source: Path, target: Path, newest: Checkpoint, kept: Iterable[Checkpoint]
) -> None:
    """Write what every export has: keys, checkpoints, the verifier and how to use it."""
    keys = read_public_keys(source)[:1]
    if not keys:
        raise DamagedFile(f"{source / PUBLIC} is missing; restore it from an export of this log")
    target.mkdir(parents=True)
    shutil.copyfile(verifier.__file__, target / "verify.py")
    shutil.copyfile(README, target / "README.txt")
    _write(target, NEWEST, newest.encode())
    notes: list[bytes] = []
    for one in _up_to(newest, kept):
        notes.append(one.encode() + b"\n")
        keys = keys_after(keys, one)
    _write(target, f"{FOLDER}/000000", b"".join(notes))
    write_public_keys(target, keys)


def _up_to(newest: Checkpoint, kept: Iterable[Checkpoint]) -> Iterator[Checkpoint]:
    """The kept checkpoints without those that were signed since the export began."""
    for one in kept:
        if one.size <= newest.size:
            yield one
        if one == newest:
            return


def _write_schemas(target: Path, digests: Iterable[bytes], schema: SchemaReader) -> None:
    for digest in digests:
        _write(target, f"schemas/{digest.hex()}.avsc", schema(digest))


def _write(target: Path, path: str, content: bytes) -> None:
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    (target / path).write_bytes(content)
