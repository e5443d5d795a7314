"""`copystand explain` shows the entry of a code."""

import json

from click.testing import CliRunner

from processors.error_catalogue import entries
from streams.cli.main import cli


def test_explains_a_code():
    result = CliRunner().invoke(cli, ["explain", "page.not-decodable"])

    assert result.exit_code == 0
    assert "The file is damaged" in result.output
    assert "What to do" in result.output


def test_gives_the_same_text_as_json():
    result = CliRunner().invoke(cli, ["explain", "page.turned", "--json"])

    assert json.loads(result.stdout) == {
        "code": "page.turned",
        "text": entries()["page.turned"].text(),
    }


def test_lists_every_code_with_its_meaning():
    result = CliRunner().invoke(cli, ["explain", "--json"])

    assert json.loads(result.stdout) == [
        {"code": one.code, "means": one.meaning} for one in entries().values()
    ]


def test_an_unknown_code_is_wrong_usage_and_names_similar_ones():
    result = CliRunner().invoke(cli, ["explain", "page.too"])

    assert result.exit_code == 2
    assert "page.too-large" in result.output
