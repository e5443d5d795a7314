"""Local files of objects: in the cache when it has space, else private, and given back."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.models import FileRef
from streams.storage.cache.folder import CacheFolder
from streams.storage.cache.local_copies import LocalCopies
from streams.storage.cache.object_cache import ObjectCache
from streams.storage.cache.private_copies import PrivateCopies

BLOCK = 4096


@pytest.fixture
def copies(tmp_path: Path) -> LocalCopies:
    """Copies with a cache that has space for one."""
    cache = ObjectCache(CacheFolder(tmp_path / "cache", BLOCK))
    return LocalCopies(cache, PrivateCopies(tmp_path / "private"))


def ref_of(value: bytes, sha256: str = "") -> FileRef:
    digest = sha256 or hashlib.sha256(value).hexdigest()
    key = f"masters/sha256/{digest[:2]}/{digest}"
    return FileRef(use="", key=key, sha256=digest, size_bytes=len(value), media_type="")


def of(*values: bytes) -> Iterator[bytes]:
    yield from values


def private_files(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in (tmp_path / "private").glob("*/*")]


def test_what_does_not_fit_is_a_private_copy_until_it_is_released(
    copies: LocalCopies, tmp_path: Path
):
    first, second = ref_of(b"first"), ref_of(b"second")
    cached = copies.path(first, lambda: of(b"first"))
    private = copies.path(second, lambda: of(b"second"))

    assert (cached.read_bytes(), private.read_bytes()) == (b"first", b"second")
    assert copies.path(second, lambda: of(b"not read")) == private
    copies.give_back(second.sha256, private)
    assert private.exists()
    copies.give_back(second.sha256, private)
    assert private_files(tmp_path) == []

    copies.give_back(first.sha256, cached)
    assert copies.path(second, lambda: of(b"second")).is_relative_to(tmp_path / "cache")


def test_bytes_that_do_not_match_are_given_as_they_are_and_never_kept(
    copies: LocalCopies, tmp_path: Path
):
    reads = []

    def damaged() -> Iterator[bytes]:
        reads.append(1)
        yield b"firsT"

    ref = ref_of(b"first")
    path = copies.path(ref, damaged)
    assert path.read_bytes() == b"firsT"
    assert len(reads) == 3
    copies.give_back(ref.sha256, path)

    assert private_files(tmp_path) == []
    assert copies.path(ref, lambda: of(b"first")).read_bytes() == b"first"


@pytest.mark.parametrize("sha256", ["../../../outside", "", "A" * 64, "0" * 63])
def test_a_digest_in_another_form_names_no_copy(copies: LocalCopies, tmp_path: Path, sha256: str):
    ref = ref_of(b"first").model_copy(update={"sha256": sha256})

    path = copies.path(ref, lambda: of(b"first"))

    assert path.is_relative_to(tmp_path / "private")
    assert copies.read(ref) is None
    assert not (tmp_path / "cache").exists()


def test_a_key_of_other_bytes_than_the_digest_names_no_copy(copies: LocalCopies, tmp_path: Path):
    ref = ref_of(b"first")
    copies.add(ref.sha256, ref.size_bytes, lambda: of(b"first"))
    other = ref.model_copy(update={"key": "masters/sha256/00/" + "0" * 64})

    assert copies.read(other) is None
    assert copies.path(other, lambda: of(b"first")).is_relative_to(tmp_path / "private")
    assert copies.read(ref) == b"first"


def test_a_released_process_has_no_copies(copies: LocalCopies, tmp_path: Path):
    for value in (b"first", b"second"):
        copies.path(ref_of(value), lambda value=value: of(value))  # type: ignore[misc]

    copies.release()

    assert private_files(tmp_path) == []
