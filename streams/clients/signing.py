"""Signs the records of stations and repositories, as docs/contract.md §4 describes."""

from streams.signatures import Headers, SigningKey


def signature_headers(key: SigningKey, topic: str, record_key: bytes, value: bytes) -> Headers:
    """The headers `sender`, `key_id` and `signature` of a record with this topic, key and value.

    The key is that of a credential file: `streams.signatures.read_key`."""
    return key.headers(topic, record_key, value)
