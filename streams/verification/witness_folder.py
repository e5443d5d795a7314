"""The folder of a witness: its key, the last checkpoint that it saw, and evidence of rewriting."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from infra.files import write_atomic
from streams.transparency_log.checkpoint import Checkpoint, cosign, parse_checkpoint
from streams.transparency_log.checkpoint_files import FOLDER, IN_A_FILE, NEWEST, split
from streams.transparency_log.log_keys import PUBLIC, create_private_key
from streams.transparency_log.note import VerifierKey, parse_verifier_key
from streams.transparency_log.tiles import StaticTiles
from streams.transparency_log.witness import (
    LogRewritten,
    follow_keys,
    require_consistency,
    require_signature,
)

KEY_FILE = "witness.key"
LOG_KEY = "log-key"
SECONDS = 30.0
Fetch = Callable[[str], bytes | None]
"""Gives the bytes of a path of the log, or None."""


@dataclass(frozen=True)
class Seen:
    """What a witness did with the newest checkpoint of a log."""

    checkpoint: Checkpoint
    first: bool
    """Whether it saw this log for the first time, so that nothing was compared."""


def fetch_from(place: str) -> Fetch:
    """Reads a log from a folder or from an address http(s)://."""
    if place.startswith(("http://", "https://")):
        base = place.rstrip("/")
        return lambda path: _download(f"{base}/{path}")
    folder = Path(place)
    return lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None


class WitnessState:
    """What a witness keeps in its folder about one log."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open the folder; the first time, the witness's key is made. Raises BadNote, DamagedFile,
        OSError."""
        self.folder = folder
        self._signer = create_private_key(folder / KEY_FILE, name)
        self._newest = folder / NEWEST
        self.held = parse_checkpoint(self._newest.read_bytes()) if self._newest.exists() else None
        """The last checkpoint that it cosigned; None before the first visit."""

    def log_key(self, given: str | None) -> VerifierKey | None:
        """The key of the log: the one that the user gives, else the one of the first visit."""
        known = self.folder / LOG_KEY
        if given is None and known.exists():
            given = known.read_text("utf-8")
        return parse_verifier_key(given) if given is not None else None

    def keep(self, offered: Checkpoint, trusted: VerifierKey) -> Seen:
        """Cosign a checkpoint that was compared with the last one, and keep it."""
        if not (self.folder / LOG_KEY).exists():
            write_atomic(self.folder / LOG_KEY, f"{trusted}\n")
        signed = cosign(offered, self._signer, int(time.time()))
        write_atomic(self._newest, signed.encode())
        return Seen(signed, first=self.held is None)

    def keep_evidence(self, rewritten: LogRewritten) -> None:
        """Keep both checkpoints that show that a log was rewritten."""
        place = self.folder / f"evidence-{int(time.time())}"
        place.mkdir(exist_ok=True)
        write_atomic(place / "held", rewritten.held.encode())
        write_atomic(place / "offered", rewritten.offered.encode())


def witness(fetch: Fetch, folder: Path, name: str, key: str | None = None) -> Seen:
    """Compare the newest checkpoint of a log with the last one seen, and cosign it.

    `key` is the log's public key as its archive gave it; without one, that of the first visit is
    believed, and kept. Raises NotSigned, BadNote, DamagedFile, OSError, and LogRewritten after both
    checkpoints are kept in the folder."""
    state = WitnessState(folder, name)
    offered = parse_checkpoint(_required(fetch, NEWEST))
    trusted = state.log_key(key) or _first_key(fetch)
    require_signature(offered, follow_keys(trusted, _kept(fetch)))
    try:
        require_consistency(state.held, offered, StaticTiles(fetch))
    except LogRewritten as rewritten:
        state.keep_evidence(rewritten)
        raise
    return state.keep(offered, trusted)


def _first_key(fetch: Fetch) -> VerifierKey:
    return parse_verifier_key(json.loads(_required(fetch, PUBLIC))["keys"][0]["vkey"])


def _kept(fetch: Fetch) -> list[Checkpoint]:
    """The checkpoints that the log keeps; among them are those that name a next key."""
    found, number = list[Checkpoint](), 0
    while (content := fetch(f"{FOLDER}/{number:06d}")) is not None:
        notes = split(content)[0]
        found += map(parse_checkpoint, notes)
        if len(notes) < IN_A_FILE:
            break
        number += 1
    return found


def _required(fetch: Fetch, path: str) -> bytes:
    content = fetch(path)
    if content is None:
        raise FileNotFoundError(f"the log has no file {path}")
    return content


def _download(address: str) -> bytes | None:
    try:
        with urlopen(address, timeout=SECONDS) as answer:
            return bytes(answer.read())
    except HTTPError as refused:
        if refused.code == 404:
            return None
        raise
