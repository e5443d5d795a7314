"""Signatures of records (Ed25519): the bytes that are signed, keys, and headers
(docs/contract.md §4)."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

DOMAIN = b"copystand.record.v1"
"""First part of the signed bytes: a signature for another purpose is never one of a record."""
SENDER, KEY_ID, SIGNATURE = "sender", "key_id", "signature"
"""Names of the headers."""
KEY_ID_DIGITS = 16
SEED_BYTES = PUBLIC_KEY_BYTES = 32
Headers = list[tuple[str, str | bytes | None]]
"""Headers of a message, as the Kafka client takes them."""


@dataclass(frozen=True)
class SigningKey:
    """The private key of a sender."""

    sender: str
    seed: bytes = field(repr=False)
    """The private key of RFC 8032, 32 bytes."""

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The id of the key, which follows from the public key."""
        return key_id_of(self.public_key)

    def headers(self, topic: str, key: bytes, value: bytes) -> Headers:
        """The headers that a record of this sender has."""
        signed = signed_bytes(self.sender, self.key_id, topic, key, value)
        return [
            (SENDER, self.sender.encode()),
            (KEY_ID, self.key_id.encode()),
            (SIGNATURE, self.sign(signed)),
        ]

    def sign(self, signed: bytes) -> bytes:
        """The signature of these bytes."""
        return self._private.sign(signed)

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def new_key(sender: str) -> SigningKey:
    """A new random key."""
    return SigningKey(sender, secrets.token_bytes(SEED_BYTES))


def key_id_of(public_key: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of a public key."""
    return sha256(public_key).hexdigest()[:KEY_ID_DIGITS]


def signed_bytes(sender: str, key_id: str, topic: str, key: bytes, value: bytes) -> bytes:
    """What is signed of a record."""
    return with_lengths(DOMAIN, sender.encode(), key_id.encode(), topic.encode(), key, value)


def with_lengths(*parts: bytes) -> bytes:
    """Each part with its length before it, so that no other parts give the same bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def is_signed_by(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    """Whether a signature of these bytes is right."""
    try:
        _loaded(public_key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


_loaded = lru_cache(maxsize=1024)(Ed25519PublicKey.from_public_bytes)


def key_document(key: SigningKey) -> dict[str, Any]:
    """The fields of a credential file that have the key."""
    return {"key_id": key.key_id, "signing_key": base64.b64encode(key.seed).decode()}


def key_file(home: Path, sender: str) -> Path:
    """The file with the key of a command of this home."""
    return home / "run" / f"sender.{sender}.json"


def read_key(file: Path) -> SigningKey:
    """The key in a credential file. Raises OSError, ValueError."""
    try:
        document: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
        seed = base64.b64decode(document["signing_key"], validate=True)
        if len(seed) != SEED_BYTES:
            raise ValueError(f"the key has {len(seed)} bytes, expected {SEED_BYTES}")
        return SigningKey(str(document["user"]), seed)
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f"{file} has no signing key: {wrong!r}") from None
