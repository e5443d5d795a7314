"""The register of pseudonyms: the persons that facts may name, and for which senders."""

from collections.abc import Iterable

from processors.error_catalogue import fix_of
from schemas.ids import PSEUDONYM
from schemas.models import Act, ControlRequested
from streams.kafka.client import OPERATOR
from streams.known_persons import (
    REGISTER,
    RETIRE,
    SENDER_FORM,
    KnownPerson,
    person_of,
    senders_of,
)
from streams.tracker.unit_of_work import UnitOfWork

ACTIONS = (REGISTER, RETIRE)
Refusal = tuple[str, str, str] | None
"""Code, what was found, and the fix; None if the person may be named."""


def refusal_of(unit: UnitOfWork, pseudonym: str, sender: str | None) -> Refusal:
    """Why a sender may not name this person; None if it may. A rebuild decides nothing.

    Every sender may name a person that was registered without senders."""
    if unit.rebuilding:
        return None
    known = KnownPerson(*unit.run("person", pseudonym=pseudonym)[0])
    refusal = known.refusal(pseudonym, sender)
    return refusal and (*refusal, fix_of(refusal[0], pseudonym=pseudonym))


def is_about_person(code: str | None) -> bool:
    """Whether a code says that a message was refused because of the person that it names."""
    return code is not None and code.startswith("person.")


def note_persons(unit: UnitOfWork, pseudonyms: Iterable[str | None]) -> None:
    """Know these pseudonyms: facts name them that were not refused because of their person."""
    named = sorted({one for one in pseudonyms if one and PSEUDONYM.match(one)})
    if named:
        unit.run("note_persons", pseudonyms=named)


def refusal_of_asker(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    """Why the person of a request may not ask for it. A person may register themselves."""
    if fact.action == REGISTER and person_of(fact) == fact.by:
        return None
    return refusal_of(unit, fact.by, OPERATOR)


def refusal_of_change(unit: UnitOfWork, fact: ControlRequested) -> tuple[str, str] | None:
    """Why the register cannot be changed as requested: code and what was found."""
    pseudonym, senders = person_of(fact), senders_of(fact.value)
    if pseudonym is None:
        return "control.subject-unfit", f"{fact.action} applies to one pseudonym only."
    if fact.action == REGISTER:
        wrong = [one for one in senders or () if not SENDER_FORM.match(one)]
        if wrong:
            return "control.subject-unfit", f"The request names the sender {wrong[0][:100]!r}."
    elif not unit.run("person", pseudonym=pseudonym)[0][1]:
        return "control.subject-unfit", f"{pseudonym} is not registered."
    return None


def change_register(unit: UnitOfWork, fact: ControlRequested) -> None:
    """Carry out a granted request. The decision is a fact, so a rebuild gives the same register."""
    pseudonym = person_of(fact)
    if fact.action == REGISTER:
        unit.run(
            "register_person",
            pseudonym=pseudonym,
            registered_at=fact.head.occurred_at,
            senders=senders_of(fact.value),
        )
    else:
        unit.run("retire_person", pseudonym=pseudonym)


def act_of_change(fact: ControlRequested, about: str) -> Act:
    """The event of a change of the register."""
    senders = senders_of(fact.value)
    may = "any sender" if senders is None else ", ".join(senders)
    texts = {
        REGISTER: f"The pseudonym {person_of(fact)} is registered. It may be named by: {may}.",
        RETIRE: f"The pseudonym {person_of(fact)} is retired. It may no longer be named.",
    }
    return Act(type="decision", outcome="suc", detail=texts[fact.action], sources=(about,))
