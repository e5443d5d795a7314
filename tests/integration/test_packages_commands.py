"""A repository without Kafka: list, show, fetch and answer with PostgreSQL and a local store."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from processors.tools import Tools
from schemas.models import PackagePublished
from streams.cli.main import cli
from streams.storage.local import LocalStorage
from tests.support.package_builders import a_completed_item, published
from tests.support.parts import Parts

KEYS = {
    "package_id", "batch_id", "item_id", "revision", "key", "sha256", "size_bytes",
    "content_digest", "published_at", "state", "completeness", "missing_pages",
}  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs" / "package.md"


@pytest.fixture
def package(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagePublished:
    monkeypatch.setenv("COPYSTAND_HOME", str(parts.home))
    made = _assembled(parts.home, tmp_path)
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute("DELETE FROM line.packages")
        connection.execute(
            "INSERT INTO line.packages (package_id, batch_id, item_id, revision, key, sha256,"
            " size_bytes, content_digest, published_at, event_id) VALUES"
            " (%s, 'b-1', %s, 1, %s, %s, %s, %s, '2026-03-01T12:00:00Z', 'e')",
            (made.package_id, made.item_id, made.key, made.sha256, made.size_bytes, made.content_digest),
        )  # fmt: skip
    return made


def _assembled(home: Path, tmp_path: Path) -> PackagePublished:
    tools = Tools(storage=LocalStorage(home), scratch=tmp_path)
    return published(a_completed_item(tools), tools)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["packages", *arguments])


def _json(*arguments: str) -> Any:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_lists_and_shows_packages_with_the_keys_of_the_contract(package: PackagePublished) -> None:
    (row,) = _json("list", "--batch", "b-1", "--item", "vol-1", "--since", "2026-03-01")

    assert set(row) == KEYS
    assert (row["package_id"], row["state"]) == ("vol-1.v1", "published")
    assert row["published_at"] == "2026-03-01T12:00:00.000000Z"
    assert _json("show", "vol-1.v1") == row | {"answers": []}


@pytest.mark.parametrize(
    "nothing",
    [
        ("--batch", "b-2"),
        ("--item", "vol-9"),
        ("--since", "2026-03-02T00:00:00Z"),
        ("--state", "refused"),
        ("--code", "package.refused"),
    ],
)
def test_a_listing_is_filtered(package: PackagePublished, nothing: tuple[str, str]) -> None:
    assert _json("list", *nothing) == []


@pytest.mark.parametrize(("days", "found"), [("1", ["vol-1.v1"]), ("36500", [])])
def test_lists_packages_without_an_answer_for_some_days(
    package: PackagePublished, monkeypatch: pytest.MonkeyPatch, days: str, found: list[str]
) -> None:
    monkeypatch.setenv("COPYSTAND_ANSWER_DAYS", days)

    rows = _json("list", "--unanswered", "--item", "VOL-1", "--limit", "3")

    assert [row["package_id"] for row in rows] == found


def test_show_prints_the_answers_of_repositories(parts: Parts, package: PackagePublished) -> None:
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO line.receipts VALUES"
            " ('r-1', 'vol-1.v1', false, 'no embargo date', 'archive', '2026-03-02T12:00:00Z')"
        )
        document = _json("show", "vol-1.v1")
        connection.execute("DELETE FROM line.receipts")

    (answer,) = document["answers"]
    assert (answer["repository"], answer["accepted"]) == ("archive", False)
    assert answer["occurred_at"] == "2026-03-02T12:00:00.000000Z"


@pytest.mark.parametrize(
    "words", [(), ("--refused",), ("--accepted", "--refused", "--reason", "")], ids=str
)
def test_a_manual_answer_requires_a_verdict_and_a_reason_for_a_refusal(
    package: PackagePublished, words: tuple[str, ...]
) -> None:
    assert _run("receive", "vol-1.v1", *words).exit_code == 2


def test_a_repeated_manual_answer_is_known_and_the_opposite_one_is_refused(
    parts: Parts, package: PackagePublished
) -> None:
    with psycopg.connect(parts.dsn(), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO line.receipts VALUES"
            " ('r-1', 'vol-1.v1', true, 'accepted', 'paper', '2026-03-02T12:00:00Z')"
        )
        words = ("receive", "vol-1.v1", "--repository", "paper")
        same = _json(*words, "--accepted")
        other = _run(*words, "--refused", "--reason", "no")
        instead = _json(*words, "--refused", "--reason", "no", "--instead")
        connection.execute("DELETE FROM line.receipts")

    assert same["state"] == "already known"
    assert other.exit_code == 1
    assert "receipt.contradicts: paper already accepted vol-1.v1" in other.stderr
    assert (instead["state"], instead["accepted"]) == ("sent", False)


def test_an_answer_to_an_unknown_package_is_refused(package: PackagePublished) -> None:
    result = _run("receive", "vol-9.v1", "--accepted")

    assert (result.exit_code, "package.unknown" in result.stderr) == (1, True)


def test_fetch_writes_a_bag_whose_content_digest_follows_from_the_docs(
    package: PackagePublished, tmp_path: Path
) -> None:
    document = _json("fetch", "vol-1.v1", str(tmp_path / "in"))

    root = Path(document["path"])
    assert root == tmp_path / "in" / "vol-1.v1"
    assert _by_the_docs(root) == package.content_digest


def _by_the_docs(root: Path) -> str:
    """What the script in docs/package.md prints."""
    script = DOCS.read_text("utf-8").split("```python\n")[1].split("```")[0]
    command = [sys.executable, "-I", "-c", script, str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_changed_package_is_refused_with_code_and_fix(
    parts: Parts, package: PackagePublished, tmp_path: Path
) -> None:
    tar = parts.home / package.key
    content = tar.read_bytes()
    tar.write_bytes(content.replace(b"text 0001", b"text 0007"))

    result = _run("fetch", "vol-1.v1", str(tmp_path / "in"))

    tar.write_bytes(content)
    assert result.exit_code == 1
    assert "package.differs" in result.stderr
    assert not (tmp_path / "in" / "vol-1.v1").exists()


def test_an_unknown_package_exits_with_1_and_a_fix(package: PackagePublished) -> None:
    result = _run("show", "vol-9.v1")

    assert result.exit_code == 1
    assert "packages list" in result.stderr


def test_a_line_that_is_down_exits_with_3(
    package: PackagePublished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_DSN", "postgresql://127.0.0.1:1/copystand")

    assert _run("list").exit_code == 3
