"""Checks who sent a record: the signature in its headers must be that of a known sender."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from processors.route import FROM_OUTSIDE
from schemas.catalogue import topic_of
from schemas.codec import Undecodable, decode
from streams.access import written_topics
from streams.execution.senders import Refused
from streams.kafka.client import REPOSITORY, STATION
from streams.kafka.messages import Incoming
from streams.known_senders import KnownSender, KnownSenders, Partition
from streams.signatures import (
    KEY_ID,
    KEY_ID_DIGITS,
    SENDER,
    SIGNATURE,
    is_signed_by,
    signed_bytes,
)

OPEN_TOPICS = tuple(topic_of(fact.__name__).name for fact in FROM_OUTSIDE)
"""The topics that several senders may write."""
KEY_ID_FORM = re.compile(rf"[0-9a-f]{{{KEY_ID_DIGITS}}}\Z")


class SenderCheck:
    """Decides whether a record of an external client is from the sender that it names."""

    def __init__(self, known: KnownSenders) -> None:
        self._known = known
        self._unsigned_until: Mapping[Partition, int] = known.unsigned_until()
        self._topics = {kind: written_topics(kind) for kind in (STATION, REPOSITORY)}

    def __call__(self, message: Incoming) -> Incoming | Refused:
        """The message with the headers `sender` and `key_id` alone, or why it is refused."""
        named = {name: message.headers.get(name) for name in (SENDER, KEY_ID, SIGNATURE)}
        sender, key_id, signature = named.values()
        if not any(named.values()) and self._is_older_than_signatures(message):
            return replace(message, headers={})
        if not sender or not key_id or not signature:
            missing = ", ".join(name for name, value in named.items() if not value)
            return Refused("sender.signature-missing", f"Headers that are missing: {missing}")
        refused = self._refusal(message, sender, key_id, signature)
        return refused or replace(message, headers={SENDER: sender, KEY_ID: key_id})

    def _is_older_than_signatures(self, message: Incoming) -> bool:
        return message.offset < self._unsigned_until.get((message.topic, message.partition), 0)

    def _refusal(
        self, message: Incoming, sender: bytes, key_id: bytes, signature: bytes
    ) -> Refused | None:
        shown, name = _shown(key_id), _shown(sender)
        known = self._known.find(shown) if KEY_ID_FORM.match(shown) else None
        if known is None:
            found = f"No sender has the key {shown}. The message names the sender {name}"
            return Refused("sender.unknown", found)
        if known.sender != name:
            found = f"The message names {name}, the key {shown} belongs to {known.sender}"
            return Refused("sender.foreign", found)
        if message.topic not in self._topics.get(known.kind, ()):
            return Refused("sender.foreign", f"A {known.kind} may not write {message.topic}")
        if not _is_right(known, message, signature):
            found = f"The signature of {name} does not match topic, key and value"
            return Refused("sender.signature-wrong", found)
        if known.revoked_at:
            found = f"The key {shown} of {name} was revoked at {known.revoked_at}"
            return Refused("sender.revoked", found, is_from_sender=True)
        return _other_repository(known, message)


def _is_right(known: KnownSender, message: Incoming, signature: bytes) -> bool:
    if message.key is None or message.value is None:
        return False
    content = (message.topic, message.key, message.value)
    signed = signed_bytes(known.sender, known.key_id, *content)
    return is_signed_by(known.public_key, signed, signature)


def _other_repository(known: KnownSender, message: Incoming) -> Refused | None:
    """An answer in the name of another repository would replace the answer of that one. The
    commands of the home answer for every repository that has no Kafka."""
    _, _, name = known.sender.partition("-")
    if known.kind != REPOSITORY or not name:
        return None
    with suppress(Undecodable):
        stated = getattr(decode(message.value), "repository", name)
        if stated != name and not stated.startswith(f"{name}."):
            found = f"{known.sender} answers for the repository {stated[:100]!r}"
            return Refused("sender.foreign", found)
    return None


def _shown(header: bytes) -> str:
    return header[:100].decode("utf-8", "backslashreplace")
