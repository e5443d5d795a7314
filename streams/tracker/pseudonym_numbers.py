"""The pseudonyms in facts: none of their numbers may be given to a new person."""

import re
from collections.abc import Iterator, Sequence

from schemas import models
from schemas.models import ControlRequested, Fact
from streams.known_persons import person_of
from streams.tracker.unit_of_work import StoredFact

# Given by `copystand person add`. A number with more digits is never reached by counting, and would
# not fit into the counter.
GIVEN = re.compile(r"p-([0-9]{1,18})\Z")
FIELDS = ("operator", "by")


def _fields_of(record: type[Fact]) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if name in record.model_fields)


# By record: to ask a fact for a field that it lacks is slow.
_PERSONS = {
    record: found
    for record in vars(models).values()
    if isinstance(record, type) and issubclass(record, Fact) and (found := _fields_of(record))
}


def highest_number(facts: Sequence[StoredFact]) -> int:
    """The highest number of a pseudonym p-<number> in these facts; 0 if there is none."""
    named = (GIVEN.match(one or "") for stored in facts for one in _named_in(stored.fact))
    return max((int(found[1]) for found in named if found), default=0)


def _named_in(fact: Fact) -> Iterator[str | None]:
    """The person of a fact, and the one whose pseudonym a request registers."""
    for field in _PERSONS.get(type(fact), ()):
        yield getattr(fact, field)
    if isinstance(fact, ControlRequested):
        yield person_of(fact)
