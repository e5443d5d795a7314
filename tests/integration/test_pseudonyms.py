"""Pseudonyms of persons in PostgreSQL: the name can be deleted, the pseudonym is never reused."""

from streams import pseudonyms
from tests.support.parts import Parts


def test_a_deleted_name_is_gone_and_its_pseudonym_is_not_used_again(parts: Parts):
    dsn = parts.dsn("tracker")
    first, second = pseudonyms.add(dsn, "Anna Muster"), pseudonyms.add(dsn, "Anna Muster")

    deleted = pseudonyms.delete_name(dsn, second)
    deleted_again = pseudonyms.delete_name(dsn, second)
    third = pseudonyms.add(dsn, "Ben Beispiel")

    assert (deleted, deleted_again) == (True, False)
    assert len({first, second, third}) == 3
    names = {one.pseudonym: one.name for one in pseudonyms.all_persons(dsn)}
    assert (names[first], names[third]) == ("Anna Muster", "Ben Beispiel")
    assert second not in names
