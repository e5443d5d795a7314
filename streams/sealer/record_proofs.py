"""Proofs that this home's sealer wrote a record, made with the private key of its log.

An administrator of Kafka can write any record, with any number. Without the key nobody can make the
proof, which is a header of the record. It is not a part of the leaf."""

import hmac

from streams.transparency_log.note import SignerKey

HEADER = "sealer_mac"
BYTES = 16
PURPOSE = b"copystand: a record of the sealed topic"
"""Keeps the key of the proofs apart from the key that signs checkpoints."""


def proof_key(signer: SignerKey) -> bytes:
    """The secret key of the proofs, which follows from the private key of the log."""
    return hmac.digest(signer.seed, PURPOSE, "sha256")


def proof_of(leaf: bytes, key: bytes) -> bytes:
    """The proof about a leaf."""
    return hmac.digest(key, leaf, "sha256")[:BYTES]


def is_proven(leaf: bytes, proof: bytes, key: bytes) -> bool:
    """Whether a proof is about this leaf, and made with this key."""
    return hmac.compare_digest(proof_of(leaf, key), proof)
