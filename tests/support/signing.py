"""Signs messages for tests as the clients of a home do."""

import json
from pathlib import Path

from schemas.catalogue import topic_of
from streams.clients.signing import signature_headers
from streams.known_senders import KnownSenders
from streams.signatures import Headers, SigningKey, key_document, key_file, new_key, read_key

SIGNERS = {
    topic_of("BatchSubmitted").name: "station",
    topic_of("PageCaptured").name: "station",
    topic_of("PackageReceived").name: "repository",
}
"""Who signs what, by topic. Messages on other topics are not signed."""


def give_key(home: Path, sender: str = "station") -> SigningKey:
    """Make the signing key of a home's own sender, as `copystand up` does, and let the line know
    it."""
    key, file = new_key(sender), key_file(home, sender)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"user": sender} | key_document(key)))
    KnownSenders(home).add(key, sender)
    return key


def signed(home: Path, topic: str, key: bytes | None, value: bytes | None) -> Headers:
    """The headers of a message of this home's own station or repository; none on other topics,
    and none for a home of a version that does not sign."""
    file = key_file(home, SIGNERS.get(topic, "nobody"))
    if not file.exists():
        return []
    return signature_headers(read_key(file), topic, key or b"", value or b"")
