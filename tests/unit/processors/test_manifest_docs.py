"""The examples and codes in docs/manifest.md and docs/errors.md are correct."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from processors.error_catalogue import entries
from processors.manifest import body_digest, read_manifest

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "manifest.md").read_text("utf-8")
VECTORS = re.findall(r"```json\n(\{.*?\})\n```\n+`([0-9a-f]{64})`", PAGE, re.DOTALL)


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_golden_vector(body: str, digest: str) -> None:
    assert body_digest(json.loads(body)) == digest


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_the_rule_can_be_computed_with_plain_python(body: str, digest: str) -> None:
    covered = {name: value for name, value in json.loads(body).items() if name != "checksums"}

    assert sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest() == digest


def test_there_are_vectors() -> None:
    assert len(VECTORS) == 3


def test_the_example_is_a_manifest_without_errors() -> None:
    example = max((body for body, _ in VECTORS), key=len)

    read, found = read_manifest(example.encode())

    assert read is not None
    assert found == []


def test_every_code_is_explained() -> None:
    text = (DOCS / "errors.md").read_text("utf-8")
    explained = set(re.findall(r"^## (\S+)$", text, re.MULTILINE))

    assert set(entries()) == explained
