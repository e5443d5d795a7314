"""What `copystand fixity` refuses before it touches anything."""

import pytest
from click.testing import CliRunner

from streams.cli.fixity import fixity


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "give one of --all, --sample N and --older-than DAYS"),
        (["run", "--all", "--sample", "3"], "give one of --all"),
        (["run", "--sample", "0"], "0 is not in the range"),
        (["run", "--older-than", "-1"], "-1.0 is not in the range"),
        (["restore", "ab", "--by", "p-4", "--reason", "r"], "is not a SHA-256"),
        (["restore", "ab" * 32, "--by", "Anna", "--reason", "r"], "person.not-a-pseudonym"),
        (["restore", "ab" * 32, "--by", "p-4"], "Missing option '--reason'"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], said: str):
    result = CliRunner().invoke(fixity, words)

    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
