"""Pseudonyms of persons in PostgreSQL: the name can be deleted, the pseudonym is never reused."""

from collections.abc import Iterator

import psycopg
import pytest

from streams import pseudonyms
from tests.support.parts import Parts


@pytest.fixture
def dsn(parts: Parts) -> Iterator[str]:
    """The tables after their first rebuild."""
    _set_rebuilding(parts, False)
    yield parts.dsn("tracker")
    _set_rebuilding(parts, True)


def _set_rebuilding(parts: Parts, value: bool) -> None:
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute("UPDATE line.active SET rebuilding = %s", [value])


def test_a_deleted_name_is_gone_and_its_pseudonym_is_not_used_again(dsn: str):
    first, second = pseudonyms.add(dsn, "Anna Muster"), pseudonyms.add(dsn, "Anna Muster")

    deleted = pseudonyms.delete_name(dsn, second)
    deleted_again = pseudonyms.delete_name(dsn, second)
    third = pseudonyms.add(dsn, "Ben Beispiel")

    assert (deleted, deleted_again) == (True, False)
    assert len({first, second, third}) == 3
    names = {one.pseudonym: one.name for one in pseudonyms.all_persons(dsn)}
    assert (names[first], names[third]) == ("Anna Muster", "Ben Beispiel")
    assert second not in names


def test_no_pseudonym_is_given_before_the_log_was_read(parts: Parts, dsn: str):
    before = pseudonyms.all_persons(dsn)
    _set_rebuilding(parts, True)

    with pytest.raises(pseudonyms.NumbersUnknown, match="being rebuilt"):
        pseudonyms.add(dsn, "Carla")

    assert pseudonyms.all_persons(dsn) == before
