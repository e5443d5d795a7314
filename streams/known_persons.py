"""Which persons a sender may name, and requests about the register of their pseudonyms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.ids import PSEUDONYM
from schemas.models import ControlRequested

REGISTER, RETIRE = "register", "retire"
SUBJECT = "person:"
SENDER_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")


@dataclass(frozen=True)
class KnownPerson:
    """What the register has about a pseudonym."""

    binds: bool
    """Whether a person was ever registered. Before, every pseudonym is accepted."""
    known: bool
    retired: bool
    senders: list[str] | None
    """The senders that may name it; None: any."""

    def refusal(self, pseudonym: str, sender: str | None) -> tuple[str, str] | None:
        """Code and what was found if this sender may not name the person."""
        if self.retired:
            return "person.retired", f"{pseudonym} was retired"
        if self.binds and not self.known:
            return "person.unknown", f"{pseudonym} is not registered"
        if self.senders is not None and sender not in self.senders:
            named = f"{sender or 'a message without a sender'} names {pseudonym}"
            return "person.foreign", f"{named}, which is registered for {', '.join(self.senders)}"
        return None


def person_of(fact: ControlRequested) -> str | None:
    """The pseudonym that a request is about; None unless it names exactly one pseudonym."""
    if len(fact.subjects) != 1 or not fact.subjects[0].startswith(SUBJECT):
        return None
    pseudonym = fact.subjects[0].removeprefix(SUBJECT)
    return pseudonym if PSEUDONYM.match(pseudonym) else None


def senders_of(value: str | None) -> list[str] | None:
    """The senders that a registration names; None if any sender may name the person."""
    return sorted(set(value.split(","))) if value else None


def value_of(senders: Sequence[str]) -> str | None:
    """The value of a registration for these senders."""
    return ",".join(sorted(set(senders))) or None
