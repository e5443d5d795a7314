"""Who sent a message, as the facts that follow from it record it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from processors.premis import subject_of
from schemas.models import Act, Agent, Head
from streams.kafka.messages import Incoming

TYPE = "digital signature validation"
KEY = re.compile(r" Key: ([0-9a-f]{16})\.\Z")
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Refused:
    """Why a message is not from the sender that it names."""

    code: str
    found: str
    is_from_sender: bool = False
    """Whether its signature is right all the same: the key was revoked."""


def signature_acts(message: Incoming, about: Head) -> tuple[Act, ...]:
    """The act of a fact that records whose signature its message had; none without a sender.

    The headers of the message have been checked: they are of the router or the tracker."""
    sender, key_id = message.header("sender"), message.header("key_id")
    if not sender or not key_id:
        return ()
    return (
        Act(
            type=TYPE,
            outcome="suc",
            detail=f"Signature of the message verified. Sender: {sender}. Key: {key_id}.",
            agents=(Agent(type="organization", name=sender, role="authorizer"),),
            sources=(subject_of(about),),
        ),
    )


def sender_headers(acts: Sequence[Act]) -> Headers:
    """The headers with which a message is repeated, so that its sender is not forgotten."""
    for act in acts:
        key = KEY.search(act.detail)
        if act.type == TYPE and key and act.agents:
            return [("sender", act.agents[0].name), ("key_id", key[1])]
    return []


def sender_of(acts: Sequence[Act]) -> str | None:
    """The sender whose signature these acts record."""
    return dict(sender_headers(acts)).get("sender")
