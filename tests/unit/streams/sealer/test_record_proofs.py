"""The proof about a record follows from the private key of the log and the leaf, and nothing else."""

import hashlib
import hmac

from streams.sealer.record_proofs import is_proven, proof_key, proof_of
from streams.transparency_log.note import SignerKey

SIGNER = SignerKey("copystand/test", bytes(range(32)))


def test_a_proof_is_as_the_documentation_states():
    key = hmac.new(bytes(range(32)), b"copystand: a record of the sealed topic", hashlib.sha256)

    proof = proof_of(b"a leaf", proof_key(SIGNER))

    assert proof == hmac.new(key.digest(), b"a leaf", hashlib.sha256).digest()[:16]


def test_a_proof_of_another_leaf_key_or_length_is_none():
    key = proof_key(SIGNER)
    proof = proof_of(b"a leaf", key)

    assert is_proven(b"a leaf", proof, key)
    assert not is_proven(b"another", proof, key)
    assert not is_proven(b"a leaf", proof, proof_key(SignerKey("copystand/test", bytes(32))))
    assert not is_proven(b"a leaf", proof[:15], key)
    assert not is_proven(b"a leaf", b"", key)
