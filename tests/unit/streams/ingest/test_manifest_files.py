"""The digests in a manifest are all found, and nothing that is not a manifest is read as one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streams.ingest.manifest_files import NOT_A_MANIFEST, named_files

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def encoded(items: object) -> bytes:
    return json.dumps({"items": items, "not_packaged": [{"sha256": D}]}).encode()


def test_pages_texts_and_records_are_named_and_files_beside_them_are_not():
    page = {"file": {"sha256": A}, "text": {"sha256": B}}
    items = [{"pages": [page], "metadata": [{"file": {"sha256": C}}]}]

    assert named_files(encoded(items)) == {A, B, C}


def test_a_digest_in_an_escaped_form_is_the_same_digest():
    content = encoded([{"pages": [{"file": {"sha256": A}}]}]).replace(b'"aaa', b'"\\u0061aa')

    assert named_files(content.replace(b'"sha256"', b'"\\u0073ha256"')) == {A}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"items": {}}', b"\xff", b"[" * 9999]
)
def test_anything_else_is_refused(content: bytes):
    with pytest.raises(ValueError):
        named_files(content)


def test_the_program_writes_them_or_why_there_are_none(tmp_path: Path):
    manifest, answer = tmp_path / "manifest", tmp_path / "answer"
    command = [sys.executable, "-m", "streams.ingest.manifest_files", manifest, answer]

    manifest.write_bytes(encoded([{"sha256": B}, {"sha256": A}]))
    right = subprocess.run(command, check=False).returncode
    digests = answer.read_text()
    manifest.write_bytes(b"{}")
    wrong = subprocess.run(command, check=False).returncode

    assert (right, digests.split()) == (0, [A, B])
    assert (wrong, answer.read_text()) == (NOT_A_MANIFEST, "it has no items")
