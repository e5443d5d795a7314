"""Signs messages for tests as the clients of a home do."""

from pathlib import Path

from schemas.catalogue import topic_of
from streams.clients.signing import signature_headers
from streams.signatures import Headers, key_file, read_key

SIGNERS = {
    topic_of("BatchSubmitted").name: "station",
    topic_of("PageCaptured").name: "station",
    topic_of("PackageReceived").name: "repository",
}
"""Who signs what, by topic. Messages on other topics are not signed."""


def signed(home: Path, topic: str, key: bytes | None, value: bytes | None) -> Headers:
    """The headers of a message of this home's own station or repository; none on other topics,
    and none for a home of a version that does not sign."""
    file = key_file(home, SIGNERS.get(topic, "nobody"))
    if not file.exists():
        return []
    return signature_headers(read_key(file), topic, key or b"", value or b"")
