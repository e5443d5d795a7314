"""Signed notes and their Ed25519 keys (https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature)."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from struct import Struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE = 1
"""The algorithm byte of a log's Ed25519 signature."""
COSIGNATURE = 4
"""The algorithm byte of a witness's Ed25519 signature with a time."""
MAX_SIGNATURES = 100
KEY_BYTES = 32
_TIME = Struct(">Q")
_LINE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")


class BadNote(ValueError):
    """Bytes that are not a signed note, or a key that is not in the form of a verifier key."""


@dataclass(frozen=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text that ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the note."""
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()

    def signed(self, *added: Signature) -> "Note":
        """The note with more signatures; one of the same key is replaced."""
        keys = {(one.name, one.key_id) for one in added}
        kept = [one for one in self.signatures if (one.name, one.key_id) not in keys]
        return replace(self, signatures=(*kept, *added))


def parse_note(content: bytes) -> Note:
    """The note in some bytes; its signatures are not checked. Raises BadNote."""
    try:
        note = content.decode()
    except UnicodeDecodeError as bad:
        raise BadNote("the note is not UTF-8") from bad
    if any(ord(one) < 32 and one != "\n" for one in note):
        raise BadNote("the note has control characters")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise BadNote("the note has no signatures after an empty line")
    found = lines[:-1].split("\n")
    if len(found) > MAX_SIGNATURES:
        raise BadNote(f"the note has {len(found)} signatures, the maximum is {MAX_SIGNATURES}")
    return Note(f"{text}\n", tuple(_signature(line) for line in found))


def _signature(line: str) -> Signature:
    parts = _LINE.fullmatch(line)
    if parts is None or "+" in parts[1]:
        raise BadNote(f"not a signature line: {line!r}")
    value = decoded(parts[2])
    if len(value) <= 4:
        raise BadNote(f"the signature is too short: {line!r}")
    return Signature(parts[1], value[:4], value[4:])


def decoded(text: str) -> bytes:
    """The bytes of canonical base64. Raises BadNote."""
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error as bad:
        raise BadNote(f"not base64: {text!r}") from bad
    # Unused bits that are not 0 would give one note several spellings.
    if base64.b64encode(value).decode() != text:
        raise BadNote(f"not canonical base64: {text!r}")
    return value


@dataclass(frozen=True)
class VerifierKey:
    """The public key of a log or of a witness."""

    name: str
    public: bytes
    algorithm: int = SIGNATURE

    @property
    def key_id(self) -> bytes:
        """The first four bytes of the key's hash."""
        key = bytes([self.algorithm]) + self.public
        return sha256(self.name.encode() + b"\n" + key).digest()[:4]

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def signed(self, note: Note) -> bool:
        """Whether the note has a signature of this key, and each one is valid."""
        mine = [
            one for one in note.signatures if (one.name, one.key_id) == (self.name, self.key_id)
        ]
        return bool(mine) and all(self._is_valid(note.text, one.signature) for one in mine)

    def cosigned_at(self, note: Note) -> int | None:
        """The time of this witness's valid cosignature in seconds since 1970; None without one."""
        if self.algorithm != COSIGNATURE or not self.signed(note):
            return None
        times = [
            _TIME.unpack(one.signature[: _TIME.size])[0]
            for one in note.signatures
            if (one.name, one.key_id) == (self.name, self.key_id)
        ]
        return max(times)

    def _is_valid(self, text: str, signature: bytes) -> bool:
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != _TIME.size + 64:
                return False
            message = _cosigned(text, _TIME.unpack(signature[: _TIME.size])[0])
            signature = signature[_TIME.size :]
        return is_signature(self.public, message, signature)


def is_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of a message is that of an Ed25519 key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_verifier_key(text: str) -> VerifierKey:
    """The key in a text `name+hash+base64`. Raises BadNote."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not parts[0] or re.search(r"\s", text.strip()):
        raise BadNote(f"not a verifier key: {text!r}")
    key = decoded(parts[2])
    if len(key) != 1 + KEY_BYTES or key[0] not in (SIGNATURE, COSIGNATURE):
        raise BadNote(f"not an Ed25519 key: {text!r}")
    found = VerifierKey(parts[0], key[1:], key[0])
    if found.key_id.hex() != parts[1]:
        raise BadNote(f"the hash in the key is {parts[1]}, not {found.key_id.hex()}: {text!r}")
    return found


@dataclass(frozen=True)
class SignerKey:
    """A private key and the name that it signs with."""

    name: str
    seed: bytes = field(repr=False)

    def _public(self) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def verifier(self) -> VerifierKey:
        """The public key for signatures of a log."""
        return VerifierKey(self.name, self._public())

    @property
    def cosigner(self) -> VerifierKey:
        """The public key for cosignatures of a witness."""
        return VerifierKey(self.name, self._public(), COSIGNATURE)

    def sign(self, text: str) -> Signature:
        """A log's signature of a text."""
        value = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return Signature(self.name, self.verifier.key_id, value)

    def cosign(self, text: str, at: int) -> Signature:
        """A witness's signature of a text at a time in seconds since 1970."""
        value = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_cosigned(text, at))
        return Signature(self.name, self.cosigner.key_id, _TIME.pack(at) + value)


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def signed_by(note: Note, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Those of the keys that signed the note validly."""
    return [key for key in keys if key.signed(note)]
