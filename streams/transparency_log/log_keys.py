"""The keys of a log: the private one in a file of mode 0600, the public ones in keys.json."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.files import DamagedFile, fsync_folder, write_json
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.note import KEY_BYTES, SignerKey, VerifierKey, parse_verifier_key

PUBLIC = "keys.json"


@dataclass(frozen=True)
class PublicKey:
    """A public key of the log, and the size of the log from which it signs."""

    key: VerifierKey
    from_size: int


def create_private_key(path: Path, name: str) -> SignerKey:
    """The key in a file, which is created with a new key unless it exists. Raises DamagedFile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
    finally:
        draft.unlink(missing_ok=True)
    fsync_folder(path.parent)
    return read_private_key(path, name)


def read_private_key(path: Path, name: str) -> SignerKey:
    """The key in a file. Raises DamagedFile, FileNotFoundError and PermissionError."""
    seed = path.read_bytes()
    if len(seed) != KEY_BYTES:
        raise DamagedFile(
            f"{path} has {len(seed)} bytes, a signing key has {KEY_BYTES}; restore it from a backup"
        )
    return SignerKey(name, seed)


def write_public_keys(folder: Path, keys: list[PublicKey]) -> None:
    """Write keys.json, the oldest key first."""
    document = {
        "origin": keys[0].key.name,
        "keys": [{"vkey": str(one.key), "from_size": one.from_size} for one in keys],
    }
    write_json(folder / PUBLIC, document)


def read_public_keys(folder: Path) -> list[PublicKey]:
    """The public keys of a log, the oldest first; empty without keys.json. Raises DamagedFile."""
    path = folder / PUBLIC
    try:
        found = json.loads(path.read_bytes())["keys"]
        return [PublicKey(parse_verifier_key(one["vkey"]), one["from_size"]) for one in found]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as bad:
        raise DamagedFile(
            f"{path} is not a list of public keys; restore it from an export of this log"
        ) from bad


def keys_after(keys: list[PublicKey], last: Checkpoint) -> list[PublicKey]:
    """The public keys after a checkpoint that hands over to the next key."""
    following = last.next_key
    if following is None or following in [one.key for one in keys]:
        return keys
    return [*keys, PublicKey(following, last.size)]
