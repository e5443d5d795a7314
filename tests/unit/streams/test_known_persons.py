"""Which persons a sender may name, and what requests about the register contain."""

import pytest

from schemas.models import ControlRequested
from streams.known_persons import KnownPerson, person_of, senders_of, value_of
from tests.support.builders import a_head


def a_registration(*subjects: str) -> ControlRequested:
    return ControlRequested(
        head=a_head(), action="register", subjects=subjects, by="p-1", reason="r"
    )


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (KnownPerson(binds=False, known=False, retired=False, senders=None), None),
        (KnownPerson(binds=True, known=True, retired=False, senders=None), None),
        (KnownPerson(binds=True, known=False, retired=False, senders=None), "person.unknown"),
        (KnownPerson(binds=True, known=True, retired=True, senders=None), "person.retired"),
        (KnownPerson(binds=False, known=True, retired=True, senders=None), "person.retired"),
        (KnownPerson(binds=True, known=True, retired=False, senders=["station"]), None),
        (KnownPerson(True, True, False, ["operator", "station-b"]), "person.foreign"),
    ],
)
def test_a_person_is_named_if_known_active_and_of_the_sender(person: KnownPerson, code: str | None):
    refusal = person.refusal("o-17", "station")

    assert (refusal and refusal[0]) == code
    assert refusal is None or "o-17" in refusal[1]


def test_a_message_without_a_sender_names_only_persons_of_any_sender():
    bound = KnownPerson(binds=True, known=True, retired=False, senders=["station"])

    assert bound.refusal("o-17", None) == (
        "person.foreign",
        "a message without a sender names o-17, which is registered for station",
    )


@pytest.mark.parametrize(
    "subjects",
    [(), ("batch:b-1",), ("person:Anna",), ("person:o-17", "person:o-18"), ("person:o-17\n",)],
)
def test_a_request_is_about_one_well_formed_pseudonym(subjects: tuple[str, ...]):
    assert person_of(a_registration(*subjects)) is None
    assert person_of(a_registration("person:o-17")) == "o-17"


def test_the_senders_of_a_registration_are_read_as_they_were_written():
    assert senders_of(value_of(["station-b", "operator", "station-b"])) == ["operator", "station-b"]
    assert senders_of(value_of([])) is None
