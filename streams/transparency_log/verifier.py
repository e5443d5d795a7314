#!/usr/bin/env python3
"""Checks an exported audit log. Needs Python 3.9 or later and openssl, nothing else.

    python3 verify.py [--key KEY] [--trusted FILE]... [--json] [FOLDER]

Prints `ok SIZE ROOT` and ends with 0, or prints the first bad index and why, and ends with 1.
KEY is the log's public key as you know it from elsewhere; without it, the key in the export is
believed. FILE has checkpoints that you kept: the log must still contain what they signed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTH, HASH, SEAL = 256, 32, struct.Struct(">QQ32s")
SIGNATURE_LINE = re.compile("\N{EM DASH} ([^ +]+) ([A-Za-z0-9+/]+=*)")
Check = Callable[[bytes, bytes, bytes], bool]
"""Whether (public key, message, signature) belong together."""


class Bad(Exception):
    """What is wrong; `index` is the first entry that is not proven, `last` the last candidate."""

    def __init__(self, index: int, why: str, last: int | None = None) -> None:
        super().__init__(why)
        self.index, self.why, self.last = index, why, index if last is None else last


class CannotCheck(Exception):
    """What was given cannot be used; the export may be right or wrong."""


# ---- hashes ----------------------------------------------------------------------------------
def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The root of a growing tree (RFC 6962)."""

    def __init__(self) -> None:
        self.size, self.parts = 0, []  # type: int, list[bytes]

    def extend(self, hashes: list[bytes]) -> None:
        for one in hashes:
            bits = self.size
            while bits & 1:
                one = hashlib.sha256(b"\1" + self.parts.pop() + one).digest()
                bits >>= 1
            self.parts.append(one)
            self.size += 1

    def add_subtree(self, found: bytes, height: int) -> None:
        """Append 2 ** height leaves at once, where so many end a subtree."""
        bits = self.size >> height
        while bits & 1:
            found = node(self.parts.pop(), found)
            bits >>= 1
        self.parts.append(found)
        self.size += 1 << height

    def copy(self) -> Tree:
        other = Tree()
        other.size, other.parts = self.size, list(self.parts)
        return other

    def root(self) -> bytes:
        if not self.parts:
            return hashlib.sha256(b"").digest()
        found = self.parts[-1]
        for left in self.parts[-2::-1]:
            found = node(left, found)
        return found


def root_of(hashes: list[bytes]) -> bytes:
    level = hashes
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])  # noqa: B905
        odd = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def inclusion_root(index: int, size: int, found: bytes, path: list[bytes]) -> bytes | None:
    """The root to which a proof leads (RFC 9162, 2.1.3.2); None if its length is wrong."""
    last = size - 1
    for sibling in path:
        if not last:
            return None
        if index & 1 or index == last:
            found = node(sibling, found)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = node(found, sibling)
        index, last = index >> 1, last >> 1
    return None if last else found


# ---- signatures ------------------------------------------------------------------------------
def openssl(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check an Ed25519 signature with the openssl program."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        # The key in DER: SubjectPublicKeyInfo of RFC 8410.
        der = bytes.fromhex("302a300506032b6570032100") + public
        for name, content in zip(names, (der, message, signature)):  # noqa: B905
            Path(name).write_bytes(content)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]
        files = ["-inkey", names[0], "-in", names[1], "-sigfile", names[2]]
        return subprocess.run(command + files, capture_output=True).returncode == 0


def libcrypto() -> Check:
    """The same with openssl's library in this process, for thousands of checkpoints."""
    try:
        import _hashlib
        import ctypes

        lib = ctypes.CDLL(_hashlib.__file__)
        new_key, new_context = lib.EVP_PKEY_new_raw_public_key, lib.EVP_MD_CTX_new
        lib.EVP_PKEY_free, lib.EVP_MD_CTX_free, lib.EVP_DigestVerifyInit, lib.EVP_DigestVerify  # noqa: B018
    except (ImportError, AttributeError, OSError):
        return openssl
    new_key.restype = new_context.restype = ctypes.c_void_p
    pointer, size = ctypes.c_void_p, ctypes.c_size_t

    def check(public: bytes, message: bytes, signature: bytes) -> bool:
        key = pointer(new_key(1087, None, public, size(len(public))))
        context = pointer(new_context())
        lib.EVP_DigestVerifyInit(context, None, None, None, key)
        lengths = size(len(signature)), size(len(message))
        result = lib.EVP_DigestVerify(context, signature, lengths[0], message, lengths[1])
        lib.EVP_MD_CTX_free(context)
        lib.EVP_PKEY_free(key)
        # A refusal is decided by the program.
        return result == 1 or openssl(public, message, signature)

    return check


@dataclass(frozen=True)
class Key:
    """A public key of the log: name+hash+base64."""

    text: str
    name: str
    key_id: bytes
    public: bytes


def parse_key(text: str) -> Key:
    try:
        name, digest, encoded = text.strip().split("+", 2)
        value = base64.b64decode(encoded, validate=True)
        expected = hashlib.sha256(name.encode() + b"\n" + value).digest()[:4]
        if value[0] != 1 or len(value) != 1 + HASH or expected.hex() != digest:
            raise ValueError(text)
    except (ValueError, IndexError):
        raise Bad(0, f"not an Ed25519 key of a log: {text!r}") from None
    return Key(text.strip(), name, expected, value[1:])


# ---- checkpoints -----------------------------------------------------------------------------
@dataclass
class Checkpoint:
    """The size and the root of the log in a signed note."""

    text: bytes
    origin: str
    size: int
    root: bytes
    next_key: str | None
    signatures: list[tuple[str, bytes, bytes]]

    def signed(self, key: Key, check: Check) -> bool:
        mine = [
            s for name, key_id, s in self.signatures if (name, key_id) == (key.name, key.key_id)
        ]
        return bool(mine) and all(check(key.public, self.text, one) for one in mine)


def parse_checkpoint(note: bytes) -> Checkpoint:
    """Raises ValueError."""
    text, blank, lines = note.rpartition(b"\n\n")
    parts = text.decode().split("\n")
    signatures = []
    for line in lines.decode().splitlines():
        found = SIGNATURE_LINE.fullmatch(line)
        value = base64.b64decode(found[2], validate=True) if found else b""
        if not found or len(value) <= 4 or base64.b64encode(value).decode() != found[2]:
            raise ValueError(f"not a signature: {line!r}")
        signatures.append((found[1], value[:4], value[4:]))
    root = base64.b64decode(parts[2] if len(parts) > 2 else "", validate=True)
    if not blank or not note.endswith(b"\n") or not all(parts) or len(root) != HASH:
        raise ValueError("not a checkpoint")
    if not re.fullmatch("0|[1-9][0-9]*", parts[1]) or base64.b64encode(root).decode() != parts[2]:
        raise ValueError("not the size and the root of a log")
    following = [line[9:] for line in parts[3:] if line.startswith("next-key ")]
    next_key = following[0] if following else None
    return Checkpoint(text + b"\n", parts[0], int(parts[1]), root, next_key, signatures)


def split_notes(content: bytes) -> Iterator[bytes]:
    """The notes in a file of kept checkpoints, with an empty line between them."""
    if not content:
        return
    blocks = (content if content.endswith(b"\n\n") else content + b"\n").split(b"\n\n")
    for at in range(0, len(blocks) - 1, 2):
        yield blocks[at] + b"\n\n" + blocks[at + 1] + b"\n"
    if len(blocks) % 2 == 0 or blocks[-1]:
        yield blocks[-1]


class Chain:
    """The checkpoints that the log's keys signed, one key after the other."""

    def __init__(self, first: Key, check: Check) -> None:
        self.keys, self.from_sizes, self.check = [first], [0], check
        self.good: list[Checkpoint] = []

    def add(self, where: str, note: bytes) -> None:
        """Take the next checkpoint, or raise Bad."""
        proven = self.good[-1].size if self.good else 0
        try:
            one = parse_checkpoint(note)
        except ValueError as bad:
            raise Bad(proven, f"{where} is damaged: {bad}") from None
        key = self.keys[-1]
        if one.origin != key.name or not one.signed(key, self.check):
            raise Bad(proven, f"{where}: the checkpoint is not signed by {key.text}")
        if one.size < proven:
            raise Bad(one.size, f"{where}: the log goes back from {proven} to {one.size} entries")
        if self.good and one.size == proven and one.root != self.good[-1].root:
            before = [good.size for good in self.good if good.size < proven]
            start = before[-1] if before else 0
            raise Bad(start, f"{where}: two roots were signed for {proven} entries", proven - 1)
        if one.next_key and one.next_key != key.text:
            following = parse_key(one.next_key)
            if not one.signed(following, self.check):
                raise Bad(
                    proven, f"{where}: the next key did not sign the checkpoint that names it"
                )
            self.keys.append(following)
            self.from_sizes.append(one.size)
        self.good.append(one)

    def compare(self, listed: list[Key]) -> None:
        """Raise Bad unless keys.json lists these keys."""
        if [one.text for one in listed] == [one.text for one in self.keys]:
            return
        same = 0
        while same < min(len(listed), len(self.keys)) and listed[same] == self.keys[same]:
            same += 1
        sizes = self.from_sizes
        start = sizes[same] if same < len(sizes) else self.good[-1].size if self.good else 0
        raise Bad(start, "keys.json does not list the keys that signed the checkpoints")


# ---- entries ---------------------------------------------------------------------------------
def tile_path(level: Any, number: int, width: int = WIDTH) -> str:
    parts, rest = [f"{number % 1000:03d}"], number // 1000
    while rest:
        parts, rest = [f"x{rest % 1000:03d}", *parts], rest // 1000
    return f"tile/{level}/{'/'.join(parts)}" + ("" if width == WIDTH else f".p/{width}")


@dataclass(frozen=True)
class Mark:
    """A size of the log whose root is known."""

    size: int
    root: bytes
    trusted: bool = False
    """Known from elsewhere."""

    def __str__(self) -> str:
        return f"the {'trusted ' if self.trusted else ''}checkpoint of {self.size} entries"


class Rules:
    """What each entry of the log keeps to: its number, time, schema and event id."""

    def __init__(self, schema: Callable[[str], bytes | None]) -> None:
        self.schema = schema
        self.known: set[bytes] = set()
        self.ids: set[bytes] = set()
        self.sealed_at = 0

    def broken(self, index: int, entry: bytes) -> str | None:
        """Why an entry cannot be at this index; None if it can."""
        if len(entry) < SEAL.size:
            return f"the entry has {len(entry)} bytes, a seal has {SEAL.size}"
        seq, sealed_at, digest = SEAL.unpack_from(entry)
        if seq != index:
            return f"the entry has the seq {seq}"
        if sealed_at < self.sealed_at:
            return "the entry was sealed before the one in front of it"
        if digest not in self.known and not self.learn(digest):
            return (
                f"schemas/{digest.hex()}.avsc is missing, changed, or does not begin with event_id"
            )
        length, shift, at = 0, 0, SEAL.size
        while at < len(entry) and shift < 35:
            length, shift, at = length | (entry[at] & 127) << shift, shift + 7, at + 1
            if entry[at - 1] < 128:
                break
        event_id = entry[at : at + (length >> 1)]
        if event_id in self.ids:
            return f"the event_id {event_id.decode('utf-8', 'replace')} was in the log before"
        self.ids.add(event_id)
        self.sealed_at = sealed_at
        return None

    def learn(self, digest: bytes) -> bool:
        text = self.schema(digest.hex())
        try:
            first: Any = {"type": json.loads(text or b"{}")}
            while isinstance(first["type"], dict):
                first = first["type"]["fields"][0]
            right = hashlib.sha256(text or b"").digest() == digest and first["name"] == "event_id"
        except (ValueError, KeyError, IndexError, TypeError):
            return False
        if right:
            self.known.add(digest)
        return right


@dataclass
class Log:
    """Entries, hash tiles and checkpoints, compared in the order of their indexes."""

    folder: Path
    size: int
    rules: Rules
    proven: list[int] = field(default_factory=lambda: [0])
    """The sizes whose checkpoints agree."""
    trusted: list[int] = field(default_factory=lambda: [0])
    """Those of them that were kept elsewhere."""
    by_entry: Tree | None = field(default_factory=Tree)
    by_tile: Tree | None = None
    """Begins at the first disagreement. A tree is None when a part of it is missing."""
    first: Bad | None = None
    """The first disagreement between entries and tiles since the last checkpoint."""
    odd: Bad | None = None
    """The first entry that breaks a rule."""
    roots: list[bytes] = field(default_factory=list)

    def read(self, level: Any, number: int, width: int) -> tuple[bytes, bool]:
        """A tile, and whether it is exactly of this width, not one of a larger log."""
        exact, full = tile_path(level, number, width), tile_path(level, number)
        partial = self.folder / f"{full}.p"
        names = [int(one.name) for one in partial.glob("*") if one.name.isdigit()]
        larger = [f"{full}.p/{name}" for name in sorted(names) if name > width]
        for path in (exact, full, *larger):
            if (self.folder / path).is_file():
                return (self.folder / path).read_bytes(), path == exact
        return b"", True

    def check(self, marks: list[Mark]) -> None:
        """Compare everything up to the last checkpoint. Raises Bad."""
        marks = sorted(marks, key=lambda mark: mark.size)
        for number in range(-(-self.size // WIDTH)):
            base, width = number * WIDTH, min(WIDTH, self.size - number * WIDTH)
            hashes = [hashlib.sha256(b"\0" + one).digest() for one in self.entries(number, width)]
            tiles = self.tile_hashes(number, width)
            root = root_of(tiles) if len(tiles) == WIDTH else b""
            self.roots.append(root)
            self.compare_up_to(base, marks)
            inside = bool(marks) and marks[0].size < base + width
            if root and self.by_entry and not self.first and hashes == tiles and not inside:
                self.by_entry.add_subtree(root, 8)
                continue
            start = 0
            while start < width:
                end = min(width, marks[0].size - base) if marks else width
                self.extend(base + start, end - start, hashes[start:end], tiles[start:end])
                self.compare_up_to(base + end, marks)
                start = end
        self.compare_up_to(self.size, marks)
        if self.odd:
            raise self.odd
        self.check_upper_tiles()

    def compare_up_to(self, size: int, marks: list[Mark]) -> None:
        while marks and marks[0].size <= size:
            self.compare(marks.pop(0))

    def tile_hashes(self, number: int, width: int) -> list[bytes]:
        tile, exact = self.read(0, number, width)
        count = min(width, len(tile) // HASH)
        if len(tile) < width * HASH or (exact and len(tile) > width * HASH):
            self.note(number * WIDTH + count, "its hash tile has a wrong length")
        return [tile[at : at + HASH] for at in range(0, count * HASH, HASH)]

    def entries(self, number: int, width: int) -> list[bytes]:
        found: list[bytes] = []
        bundle, exact = self.read("entries", number, width)
        at = 0
        base, odd = number * WIDTH, self.odd
        while at < len(bundle) and len(found) < width:
            end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
            if end > len(bundle):
                break
            entry = bundle[at + 2 : end]
            why = None if odd else self.rules.broken(base + len(found), entry)
            if why:
                self.odd = odd = Bad(base + len(found), why)
            found.append(entry)
            at = end
        if exact and at < len(bundle) and len(found) == width:
            self.note(base + width, "its bundle has more entries than the log")
        return found

    def note(self, index: int, why: str) -> None:
        if self.odd is None or index < self.odd.index:
            self.odd = Bad(index, why)

    def extend(self, start: int, count: int, hashes: list[bytes], tiles: list[bytes]) -> None:
        agree = hashes == tiles and len(hashes) == count
        if self.first is None and not agree:
            at = 0
            while at < min(len(hashes), len(tiles)) and hashes[at] == tiles[at]:
                at += 1
            what = "the entry" if at >= len(hashes) else "its hash" if at >= len(tiles) else ""
            why = f"{what} is missing" if what else "the entry and its hash differ"
            self.first = Bad(start + at, why)
            self.by_tile = self.by_entry.copy() if self.by_entry else None
        for name, found in (("by_entry", hashes), ("by_tile", tiles)):
            tree = getattr(self, name)
            if tree and len(found) == count:
                tree.extend(found)
            elif self.first:
                setattr(self, name, None)

    def compare(self, mark: Mark) -> None:
        """Decide with a checkpoint which of entries and tiles are the signed ones."""
        size = mark.size
        right = [
            tree for tree in (self.by_entry, self.by_tile) if tree and tree.root() == mark.root
        ]
        if not right:
            # Who has the log's key can sign a rewritten log: then only what was kept counts.
            agreed = self.trusted if mark.trusted else self.proven
            start = max(one for one in agreed if one < size or not one)
            why = f"{self.first.why}; " if self.first else ""
            why += f"neither entries nor hash tiles agree with {mark}"
            raise Bad(start, why, max(start, size - 1))
        found = [one for one in (self.first, self.odd) if one and one.index < size]
        if found:
            raise min(found, key=lambda one: one.index)
        self.proven.append(size)
        if mark.trusted:
            self.trusted.append(size)

    def check_upper_tiles(self) -> None:
        """Compare the tiles above level 0 with the tree."""
        level, hashes = 1, self.roots[: self.size // WIDTH]
        while hashes:
            for number, width in self.tiles(level):
                start = number * WIDTH
                tile = b"".join(hashes[start : start + width])
                found, exact = self.read(level, number, width)
                if found[: len(tile)] != tile or (exact and found != tile):
                    same = 0
                    while same < len(tile) and found[same : same + 1] == tile[same : same + 1]:
                        same += 1
                    first = (start + same // HASH) << (8 * level)
                    last = first + (1 << (8 * level)) - 1
                    raise Bad(first, f"{tile_path(level, number, width)} is wrong", last)
            full = len(hashes) // WIDTH
            hashes = [root_of(hashes[n * WIDTH : n * WIDTH + WIDTH]) for n in range(full)]
            level += 1

    def tiles(self, level: int) -> list[tuple[int, int]]:
        count = self.size >> (8 * level)
        return [(n, min(WIDTH, count - n * WIDTH)) for n in range(-(-count // WIDTH))]

    def surplus(self) -> None:
        """Raise Bad if there are files that no entry of the log has."""
        levels = [level for level in range(8) if self.size >> (8 * level)]
        expected = {tile_path(level, *one) for level in levels for one in self.tiles(level)}
        expected |= {tile_path("entries", *one) for one in self.tiles(0)}
        for path in sorted((self.folder / "tile").rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if not path.is_dir() and name not in expected:
                raise Bad(self.size, f"{name} belongs to no entry of the log")


# ---- the export ------------------------------------------------------------------------------
@dataclass
class Result:
    """What was found; `first_bad` is the first index that is not proven."""

    ok: bool
    size: int
    root: str
    first_bad: int | None = None
    last_possible: int | None = None
    why: str = ""
    key: str = ""


def kept_notes(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The checkpoints of an export in their order, with the names of their files."""
    for path in sorted((folder / "checkpoints").glob("*")):
        for at, note in enumerate(split_notes(path.read_bytes())):
            yield f"checkpoints/{path.name}, number {at + 1}", note
    if (folder / "checkpoint").is_file():
        yield "checkpoint", (folder / "checkpoint").read_bytes()


def listed_keys(folder: Path) -> list[Key]:
    try:
        found = json.loads((folder / "keys.json").read_bytes())
        return [parse_key(one["vkey"]) for one in found["keys"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Bad(0, "keys.json is missing or damaged") from None


def read_chain(folder: Path, given: list[str], check: Check) -> tuple[Chain, Bad | None]:
    """The checkpoints that are signed, and what is wrong with the first that is not."""
    listed = listed_keys(folder)
    known = [parse_key(one) for one in given]
    if not listed:
        raise Bad(0, "keys.json has no key")
    chain = Chain(
        listed[0] if any(one in listed for one in known) or not known else known[0], check
    )
    try:
        for where, note in kept_notes(folder):
            chain.add(where, note)
        if not chain.good:
            raise Bad(0, "there is no checkpoint")
        if not chain.good[-1].signed(chain.keys[-1], openssl):
            raise Bad(0, f"openssl does not confirm the signature of {chain.keys[-1].text}")
        for one in known:
            if one not in chain.keys:
                raise Bad(0, f"no checkpoint is signed by {one.text}")
        chain.compare(listed)
    except Bad as bad:
        return chain, bad
    return chain, None


def trusted_marks(chain: Chain, files: list[Path], check: Check) -> list[Mark]:
    """The sizes and roots in checkpoints that were kept elsewhere."""
    marks = []
    for path in files:
        for note in split_notes(path.read_bytes()):
            try:
                one = parse_checkpoint(note)
            except ValueError as bad:
                raise CannotCheck(f"{path} is not a checkpoint: {bad}") from None
            if not any(one.signed(key, check) for key in chain.keys):
                raise Bad(0, f"{path}: the trusted checkpoint is signed by another key")
            marks.append(Mark(one.size, one.root, trusted=True))
    return marks


def check_log(
    folder: Path,
    keys: list[str],
    trusted: list[Path],
    check: Check,
    schema: Callable[[str], bytes | None] | None = None,
    live: bool = False,
) -> Result:
    """Check all entries of a log; a live one may have more than its checkpoint says."""
    schema = schema or (lambda digest: read_schema(folder, digest))
    try:
        chain, problem = read_chain(folder, keys, check)
    except Bad as bad:
        return Result(False, 0, "", bad.index, bad.last, bad.why)
    problems = [problem] if problem else []
    newest = chain.good[-1] if chain.good else None
    size = newest.size if newest else 0
    marks = [Mark(one.size, one.root) for one in chain.good]
    log = Log(folder, size, Rules(schema))
    try:
        extra = trusted_marks(chain, trusted, check)
        log.check(marks + [one for one in extra if one.size <= size])
        if not live and not problem:
            log.surplus()
        longest = max(extra, key=lambda one: one.size, default=None)
        if longest and longest.size > size:
            raise Bad(size, f"the log ends here; {longest} is newer", longest.size - 1)
    except Bad as bad:
        problems.append(bad)
    root = base64.b64encode(newest.root).decode() if newest else ""
    return result(size, root, problems, chain)


def result(size: int, root: str, problems: list[Bad], chain: Chain) -> Result:
    key = chain.keys[0].text
    if not problems:
        return Result(True, size, root, key=key)
    worst = min(problems, key=lambda one: one.index)
    return Result(False, size, root, worst.index, worst.last, worst.why, key)


def read_schema(folder: Path, digest: str) -> bytes | None:
    path = folder / "schemas" / f"{digest}.avsc"
    return path.read_bytes() if path.is_file() else None


def check_items(folder: Path, keys: list[str], trusted: list[Path], check: Check) -> Result:
    """Check the entries of one item, each with its proof."""
    try:
        chain, problem = read_chain(folder, keys, check)
    except Bad as bad:
        return Result(False, 0, "", bad.index, bad.last, bad.why)
    problems = [problem] if problem else []
    rules = Rules(lambda digest: read_schema(folder, digest))
    names = {path.name.split(".")[0] for path in (folder / "entries").iterdir()}
    count = 0
    try:
        for index in sorted(int(name) for name in names if name.isdigit()):
            check_item(folder / "entries", index, chain, rules)
            count += 1
        for mark in trusted_marks(chain, trusted, check):
            if any(one.size == mark.size and one.root != mark.root for one in chain.good):
                raise Bad(0, f"the root differs from {mark}", max(0, mark.size - 1))
    except Bad as bad:
        problems.append(bad)
    newest = chain.good[-1] if chain.good else None
    root = base64.b64encode(newest.root).decode() if newest else ""
    return result(newest.size if newest else 0, root, problems, chain)


def check_item(folder: Path, index: int, chain: Chain, rules: Rules) -> None:
    try:
        entry = (folder / str(index)).read_bytes()
        head, _, note = (folder / f"{index}.tlog-proof").read_bytes().partition(b"\n\n")
        lines = head.decode().split("\n")
        path = [base64.b64decode(line, validate=True) for line in lines[2:]]
        one = parse_checkpoint(note)
        if any(len(sibling) != HASH for sibling in path):
            raise ValueError("not a hash")
    except (OSError, ValueError) as bad:
        raise Bad(index, f"the entry or its proof is missing or damaged: {bad}") from None
    if lines[:2] != ["c2sp.org/tlog-proof@v1", f"index {index}"] or index >= one.size:
        raise Bad(index, "the proof is for another entry")
    known = any(one.text == good.text and one.root == good.root for good in chain.good)
    if not known and not any(one.signed(key, chain.check) for key in chain.keys):
        raise Bad(index, "the checkpoint of the proof is not signed by the log")
    leaf = hashlib.sha256(b"\0" + entry).digest()
    if inclusion_root(index, one.size, leaf, path) != one.root:
        raise Bad(index, "the entry is not the one that was signed")
    why = rules.broken(index, entry)
    if why:
        raise Bad(index, why)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an exported audit log.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", default=[], help="The log's public key.")
    parser.add_argument("--trusted", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    check = check_items if (given.folder / "entries").is_dir() else check_log
    try:
        found = check(given.folder, given.key, given.trusted, libcrypto())
    except (OSError, CannotCheck) as bad:
        print(f"cannot check: {bad}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(vars(found)))
    elif found.ok:
        print(f"ok {found.size} {found.root}")
        if not given.key:
            print(f"The key is the one in the export. Compare it: {found.key}")
    else:
        last = found.last_possible
        where = f"{found.first_bad}" if last == found.first_bad else f"{found.first_bad} to {last}"
        print(f"first bad index: {where}: {found.why}")
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main())
