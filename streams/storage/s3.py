"""The store in a bucket: create-if-absent, uploads checked by the store, masters read again."""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from processors.outcome import StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.storage.cache import ObjectCache
from streams.storage.keys import checked, content_key
from streams.storage_settings import S3Location

if TYPE_CHECKING:
    from obstore.store import S3Config

log = logging.getLogger(__name__)

PART_BYTES = 16 << 20
"""What travels in one request; the most of an object that is in memory, twice over."""
UPLOADS_AT_ONCE = 2
REQUEST_SECONDS = 60
RETRY_SECONDS = 20
MOST_RETRIES = 5
READ_AGAIN = (Area.MASTERS, Area.PACKAGES)
"""What is read back whole and compared before anything is promised."""


def connect(place: S3Location) -> S3Store:
    """A client for a bucket; it asks nothing of the store yet."""
    # Everything is given here, since obstore takes AWS_* from the environment where it is not.
    return S3Store(
        place.bucket,
        config=_keys(place),
        prefix=place.prefix or None,
        aws_endpoint_url_s3=place.endpoint,
        region=place.region,
        virtual_hosted_style_request=False,
        skip_signature=False,
        conditional_put="etag",
        # Without it SeaweedFS takes bytes that were changed on the way; with it each request
        # carries the SHA-256 of its body, and other bytes are refused.
        checksum_algorithm="SHA256",
        client_options={
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "timeout": f"{REQUEST_SECONDS}s",
        },
        retry_config={
            "max_retries": MOST_RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": {"max_backoff": timedelta(seconds=4)},
        },
    )


class S3Storage:
    """Objects in a bucket, with local copies for steps that need a path."""

    def __init__(self, store: S3Store, cache: ObjectCache) -> None:
        self._store = store
        self._cache = cache

    def path(self, ref: FileRef) -> Path:
        """A link of this process to a local copy.

        Bytes other than the reference's are given out as they are, so that a step can say what
        is wrong with them; they were fetched twice, and are no copy of what they should be."""
        key = checked(ref.key)
        with _told(key):
            held = self._cache.lease(ref.sha256)
            if held is not None:
                return held
            path, found = self._copied(key)
            if found != ref.sha256:
                path, found = self._copied(key)
            if found != ref.sha256:
                log.warning("other bytes in the store", extra={"key": key, "sha256": found})
        return path

    def read(self, ref: FileRef) -> bytes:
        value = self.get(ref.key)
        if value is None:
            raise StorageError(f"the store does not hold {ref.key}")
        found = hashlib.sha256(value).hexdigest()
        if found != ref.sha256:
            raise StorageError(f"{ref.key} holds {found}, not {ref.sha256}")
        return value

    def get(self, key: str) -> bytes | None:
        with _told(checked(key)):
            try:
                parts = list(self._parts(key))
            except FileNotFoundError as missing:
                _is_only_missing(missing)
                return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size(self, key: str) -> int | None:
        with _told(checked(key)):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError as missing:
                _is_only_missing(missing)
                return None

    def holds(self, key: str, size_bytes: int) -> bool:
        return self.size(key) == size_bytes

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        with _told(area.value):
            digest, size = _measured(source)
        key = content_key(area, digest)
        with _told(key):
            if size > PART_BYTES:
                new = self._put_large(key, source, digest, media_type)
            else:
                new = self._create(key, _whole(source, digest), media_type)
            self._check(key, area, digest, size, new)
        return FileRef(use=use, key=key, sha256=digest, size_bytes=size, media_type=media_type)

    def put_new(self, key: str, value: bytes) -> bool:
        """False also when an answer was lost and the value under the key is our own."""
        with _told(checked(key)):
            return self._create(key, value, "application/octet-stream")

    def _create(self, key: str, value: bytes, media_type: str) -> bool:
        attributes = {"Content-Type": media_type}
        try:
            obstore.put(
                self._store, key, value, mode="create", use_multipart=False, attributes=attributes
            )
        except AlreadyExistsError:
            return False
        return True

    def _put_large(self, key: str, source: Path | bytes, digest: str, media_type: str) -> bool:
        """In parts, visible only when the last has come. S3 has no create-if-absent for these, so
        two writers may both write: the same bytes, since the key is their digest."""
        if self.size(key) is not None:
            return False
        obstore.put(
            self._store,
            key,
            _as_announced(source, digest),
            use_multipart=True,
            chunk_size=PART_BYTES,
            max_concurrency=UPLOADS_AT_ONCE,
            attributes={"Content-Type": media_type},
        )
        return True

    def _check(self, key: str, area: Area, digest: str, size: int, new: bool) -> None:
        """What the store now holds is what was to be kept. Raises StorageError."""
        if area in READ_AGAIN:
            found = hashlib.sha256()
            for part in self._parts(key):
                found.update(part)
            if found.hexdigest() != digest:
                raise StorageError(f"{key} reads back other bytes than were written")
        elif not new or size > PART_BYTES:
            held = self.size(key)
            if held != size:
                raise StorageError(f"{key} has {held} bytes in the store, not {size}")

    def _copied(self, key: str) -> tuple[Path, str]:
        """A local copy of an object under the digest that its bytes have, and that digest."""
        digest = hashlib.sha256()
        with self._cache.partial() as (partial, out):
            for part in self._parts(key):
                digest.update(part)
                out.write(part)
            out.close()
            found = digest.hexdigest()
            return self._cache.take_in(partial, found), found

    def _parts(self, key: str) -> Iterator[bytes]:
        """An object's bytes, each request for a bounded part. Raises FileNotFoundError."""
        try:
            first = obstore.get(self._store, key, options={"range": (0, PART_BYTES)})
        except BaseError as wrong:
            # No part of an empty object can be asked for; that is no fault of the store.
            if "status code: 416" in str(wrong) and obstore.head(self._store, key)["size"] == 0:
                return
            raise
        total, value = first.meta["size"], first.bytes().to_bytes()
        done = len(value)
        yield value
        while done < total:
            end = min(done + PART_BYTES, total)
            value = obstore.get_range(self._store, key, start=done, end=end).to_bytes()
            yield value
            done += len(value)


def answer(place: S3Location) -> None:
    """Returns when the store has answered us about the bucket. Raises StorageError."""
    with _told(place.bucket):
        next(iter(obstore.list(connect(place), chunk_size=1)), None)


def _keys(place: S3Location) -> "S3Config":
    keys: S3Config = {
        "access_key_id": place.access_key_id,
        "secret_access_key": place.secret_access_key,
    }
    if place.session_token:
        keys["session_token"] = place.session_token
    return keys


def _is_only_missing(missing: FileNotFoundError) -> None:
    """An object that is not there is no fault; a bucket that is not there is raised."""
    if "NoSuchBucket" in str(missing):
        raise missing


def _measured(source: Path | bytes) -> tuple[str, int]:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def _whole(source: Path | bytes, digest: str) -> bytes:
    value = source if isinstance(source, bytes) else source.read_bytes()
    if hashlib.sha256(value).hexdigest() != digest:
        raise StorageError(f"{source!r} changed while it was stored")
    return value


def _as_announced(source: Path | bytes, digest: str) -> Iterator[bytes]:
    """The source in parts. When it is not what it was when measured, the end is an error, and the
    upload is given up before anybody can see it."""
    seen = hashlib.sha256()
    for part in _chunks(source):
        seen.update(part)
        yield part
    if seen.hexdigest() != digest:
        raise StorageError("the file changed while it was stored")


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield from (source[at : at + PART_BYTES] for at in range(0, len(source), PART_BYTES))
        return
    with source.open("rb") as file:
        while chunk := file.read(PART_BYTES):
            yield chunk


@contextmanager
def _told(about: str) -> Iterator[None]:
    """Whatever the store or the disk answers becomes a StorageError."""
    try:
        yield
    except FileNotFoundError as missing:
        if "NoSuchBucket" in str(missing):
            raise StorageError(f"{about}: {reason(missing)}") from missing
        raise StorageError(f"{about} is not there: {reason(missing)}") from missing
    except (BaseError, OSError) as wrong:
        raise StorageError(f"{about}: {reason(wrong)}") from wrong


def reason(wrong: Exception) -> str:
    """What a store's client says, without what is only for its makers."""
    text = str(wrong).partition("\n\nDebug source")[0]
    found = re.search(r"<Code>(.*?)</Code>(?:<Message>(.*?)</Message>)?", text, re.S)
    if found:
        text = f"{text.partition('<?xml')[0].strip()} {found[1]}: {found[2] or ''}"
    return " ".join(text.split())[:400]
