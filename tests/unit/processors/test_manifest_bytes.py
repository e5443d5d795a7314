"""Bytes that are not a manifest are reported with the right code and without exceptions."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.manifest import read_manifest
from tests.support.deliveries import a_manifest, an_item, as_bytes


@pytest.mark.parametrize(
    ("delivered", "code"),
    [
        (b"", "manifest.empty"),
        (b"  \n", "manifest.empty"),
        (b"\xff\xfe{\0}\0", "manifest.not-utf8"),
        (b'{"batch_id": ', "manifest.not-json"),
        (b"[]", "manifest.not-json"),
        (b"null", "manifest.not-json"),
        (b"3", "manifest.not-json"),
        (b'{"file_count": NaN}', "manifest.not-json"),
        (b'{"file_count": ' + b"9" * 5000 + b"}", "manifest.not-json"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "manifest.not-json"),
        (b"[" * 100_000, "manifest.not-json"),
    ],
)
def test_bytes_that_are_not_a_manifest_have_different_codes(delivered: bytes, code: str) -> None:
    read, found = read_manifest(delivered)

    assert read is None
    assert [one.code for one in found] == [code]


def test_a_byte_order_mark_is_accepted() -> None:
    read, _ = read_manifest(b"\xef\xbb\xbf" + as_bytes(a_manifest()))

    assert read is not None


def test_a_duplicate_key_is_reported_with_its_location() -> None:
    text = json.dumps(a_manifest()).replace(
        '"title": "Psalter"', '"title": "A", "title": "Psalter"'
    )

    _, found = read_manifest(text.encode())

    assert [(one.code, one.where) for one in found] == [("manifest.key-duplicate", "items[0]")]


@pytest.mark.parametrize("text", ["a\0b", "a\x0bb", "half \ud800", "\ufffe"])
def test_text_that_cannot_be_stored_is_an_error(text: str) -> None:
    _, found = read_manifest(as_bytes(a_manifest(an_item(title=text))))

    assert [(one.code, one.where) for one in found] == [("manifest.text-broken", "items[0].title")]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["batch_id", "items", "item", "page", "file", "checksums", "operator"]),
    JSON_VALUES,
)
def test_no_value_raises_an_exception(where: str, value: Any) -> None:
    manifest = a_manifest()
    places: dict[str, tuple[Any, Any]] = {
        "item": (manifest["items"], 0),
        "page": (manifest["items"][0]["pages"], 1),
        "file": (manifest["items"][0]["pages"][1], "file"),
    }
    holder, key = places.get(where, (manifest, where))
    holder[key] = value

    read_manifest(json.dumps(manifest, allow_nan=True).encode())
