"""What a person writes in the place of a suggestion is read from the value of a request."""

import pytest

from streams.review_requests import LONGEST, EditedTerm


def test_a_term_is_read_as_it_was_written():
    term = EditedTerm("emblem book", "https://iconclass.org/49M32", "iconclass")

    assert EditedTerm.read(term.value()) == term
    assert EditedTerm.read('{"label": " hand "}') == EditedTerm("hand")


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "hand", "[]", "{}", '{"label": ""}', '{"label": "  "}', '{"label": 1}'),
        *('{"label": "x", "by": "p-4"}', '{"term_uri": "x"}'),
        f'{{"label": "{"x" * (LONGEST + 1)}"}}',
    ],
)
def test_a_value_that_is_no_term_is_refused(value: str | None):
    with pytest.raises(ValueError):
        EditedTerm.read(value)
