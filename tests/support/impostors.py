"""Messages that are not from the sender that they name."""

from dataclasses import dataclass

from schemas.catalogue import topic_of
from streams.clients.signing import signature_headers
from streams.signatures import SigningKey, new_key
from tests.support.poison import Message

OTHER_TOPIC, NOT_OF_STATIONS = topic_of("BatchSubmitted").name, topic_of("PackageReceived").name


@dataclass(frozen=True)
class Senders:
    """The keys of three stations; the third one is to be revoked."""

    lab: SigningKey
    hall: SigningKey
    thief: SigningKey


def signed_by(key: SigningKey, message: Message) -> Message:
    """A message with the signature of a key."""
    topic, record_key, value, headers = message
    assert record_key is not None and value is not None
    return topic, record_key, value, [*headers, *signature_headers(key, topic, record_key, value)]


def impostors_of(senders: Senders, message: Message) -> dict[str, list[Message]]:
    """Forgeries of a message that would be accepted if its sender had sent it, by their code."""
    topic, key, value, _ = message
    assert key is not None and value is not None
    *rest, headers = signed_by(senders.lab, message)
    named = dict(headers)

    def claiming(**changed: str | bytes | None) -> Message:
        return topic, key, value, list({**named, **changed}.items())

    stranger = SigningKey(senders.lab.sender, new_key("").seed)
    wrong = dict(signed_by(stranger, message)[3])["signature"]
    return {
        "sender.signature-missing": [message, (*rest, headers[:2])],  # type: ignore[list-item]
        "sender.unknown": [signed_by(stranger, message)],
        "sender.signature-wrong": [
            claiming(signature=wrong),
            claiming(sender=senders.hall.sender, key_id=senders.hall.key_id.encode()),
            # The same record on another topic, under another key, with another value, and without.
            (OTHER_TOPIC, key, value, headers),
            (topic, b"another key", value, headers),
            (topic, key, value + b"more", headers),
            (topic, key, None, headers),
        ],
        "sender.foreign": [
            claiming(sender=senders.hall.sender),
            signed_by(senders.lab, (NOT_OF_STATIONS, key, value, [])),
        ],
        "sender.revoked": [signed_by(senders.thief, message)],
    }
