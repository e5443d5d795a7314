"""`copystand person`: usage errors, before anything is asked of the line."""

import pytest
from click.testing import CliRunner

from streams.cli.person import person


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add"], "the name is empty"),
        (["add", "  "], "the name is empty"),
        (["add", "--id", "Anna"], "person.not-a-pseudonym"),
        (["add", "--id", "o-17", "--by", "Anna"], "person.not-a-pseudonym"),
        (["add", "--id", "o-17", "--sender", "the lab"], "--sender"),
        (["retire", "o-17", "--by", "Anna", "--reason", "left"], "person.not-a-pseudonym"),
    ],
)
def test_options_that_cannot_be_used_end_with_2(arguments: list[str], message: str):
    answer = CliRunner().invoke(person, arguments)

    assert (answer.exit_code, message in answer.output) == (2, True)
