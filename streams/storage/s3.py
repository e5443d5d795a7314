"""The store in an S3 bucket: create-if-absent, uploads checked by the store, masters read back."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.storage.cache.local_copies import LocalCopies
from streams.storage.keys import checked, content_key
from streams.storage.source_bytes import bytes_of, digest_and_size, parts_of
from streams.storage.transfers import Transfers
from streams.storage_settings import S3Location

if TYPE_CHECKING:
    from obstore.store import S3Config

UPLOADS_AT_ONCE = 2
REQUEST_SECONDS = 60
RETRY_SECONDS = 20
MAX_RETRIES = 5
READ_BACK = (Area.MASTERS, Area.PACKAGES)
"""Areas whose objects are read back and compared before a write counts as done."""
READ_AGAIN = (Area.MASTERS, Area.DERIVATIVES)
"""Areas whose objects the next steps on this machine read."""


def connect(location: S3Location) -> S3Store:
    """A client for a bucket; sends no request yet."""
    # Complete, since obstore reads missing options from AWS_* environment variables.
    return S3Store(
        location.bucket,
        config=_keys(location),
        prefix=location.prefix or None,
        aws_endpoint_url_s3=location.endpoint,
        region=location.region,
        virtual_hosted_style_request=False,
        skip_signature=False,
        conditional_put="etag",
        # Without it SeaweedFS accepts bytes that were changed in transit; with it each request
        # carries the SHA-256 of its body, and different bytes are refused.
        checksum_algorithm="SHA256",
        client_options={
            "allow_http": location.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "timeout": f"{REQUEST_SECONDS}s",
        },
        retry_config={
            "max_retries": MAX_RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": {"max_backoff": timedelta(seconds=4)},
        },
    )


class S3Storage:
    """Objects in a bucket, with local copies for steps that need a path."""

    def __init__(
        self, store: S3Store, copies: LocalCopies, transfers: Transfers | None = None
    ) -> None:
        self._store = store
        self._copies = copies
        self._transfers = transfers or Transfers()

    def path(self, ref: FileRef) -> Path:
        key = checked(ref.key)
        with _storage_errors(key):
            return self._copies.path(ref, lambda: self._parts(key))

    @contextmanager
    def borrowed(self, ref: FileRef) -> Iterator[Path]:
        path = self.path(ref)
        try:
            yield path
        finally:
            self._copies.give_back(ref.sha256, path)

    def release(self) -> None:
        self._copies.release()

    def read(self, ref: FileRef) -> bytes:
        checked(ref.key)
        copy = self._copies.read(ref)
        if copy is not None:
            return copy
        value = self.get(ref.key)
        if value is None:
            raise ObjectUnusable(f"the store does not hold {ref.key}")
        found = hashlib.sha256(value).hexdigest()
        if found != ref.sha256:
            raise ObjectUnusable(f"{ref.key} holds {found}, not {ref.sha256}")
        return value

    def get(self, key: str) -> bytes | None:
        with _storage_errors(checked(key)):
            try:
                parts = list(self._parts(key))
            except FileNotFoundError as missing:
                _check_bucket_exists(missing)
                return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size(self, key: str) -> int | None:
        with _storage_errors(checked(key)):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError as missing:
                _check_bucket_exists(missing)
                return None

    def holds(self, key: str, size_bytes: int) -> bool:
        return self.size(key) == size_bytes

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        with _storage_errors(area.value):
            digest, size = digest_and_size(source)
        key = content_key(area, digest)
        with _storage_errors(key):
            large = size > (part_bytes := self._transfers.sent_part_bytes())
            if large:
                new = self._put_large(key, source, digest, media_type, part_bytes)
            else:
                new = self._create(key, bytes_of(source, digest), media_type)
            self._check(key, area, digest, size, new and not large)
        if area in READ_AGAIN:
            self._copies.add(digest, size, lambda: parts_of(source))
        return FileRef(use=use, key=key, sha256=digest, size_bytes=size, media_type=media_type)

    def put_new(self, key: str, value: bytes) -> bool:
        """Also False when the answer to our own successful write was lost."""
        with _storage_errors(checked(key)):
            return self._create(key, value, "application/octet-stream")

    def stream(self, key: str) -> Iterator[bytes]:
        with _storage_errors(checked(key)):
            try:
                yield from self._parts(key)
            except FileNotFoundError as missing:
                _check_bucket_exists(missing)
                raise ObjectUnusable(f"the store does not hold {key}") from missing

    def replace(self, ref: FileRef, source: Path) -> None:
        with _storage_errors(checked(ref.key)):
            digest, size = digest_and_size(source)
            if digest != ref.sha256:
                raise StorageError(f"{source} has the SHA-256 {digest}, not {ref.sha256}")
            large = size > (part_bytes := self._transfers.sent_part_bytes())
            if not large:
                self._transfers.send(ref.key, size)
            parts = self._transfers.sent_parts(ref.key, source, digest, part_bytes)
            # Visible when it is complete: a reader sees the old object or the new one.
            obstore.put(
                self._store,
                ref.key,
                parts if large else bytes_of(source, digest),
                use_multipart=large,
                chunk_size=part_bytes,
                attributes={"Content-Type": ref.media_type},
            )
            self._compare(ref.key, digest)

    def _create(self, key: str, value: bytes, media_type: str) -> bool:
        attributes = {"Content-Type": media_type}
        self._transfers.send(key, len(value))
        try:
            obstore.put(
                self._store, key, value, mode="create", use_multipart=False, attributes=attributes
            )
        except AlreadyExistsError:
            return False
        return True

    def _put_large(
        self, key: str, source: Path | bytes, digest: str, media_type: str, part_bytes: int
    ) -> bool:
        """A multipart upload, visible only when complete. S3 has no create-if-absent for it, so two
        writers may both write: the same bytes, since the key is their digest."""
        if self.size(key) is not None:
            return False
        obstore.put(
            self._store,
            key,
            self._transfers.sent_parts(key, source, digest, part_bytes),
            use_multipart=True,
            chunk_size=part_bytes,
            max_concurrency=UPLOADS_AT_ONCE,
            attributes={"Content-Type": media_type},
        )
        return True

    def _check(self, key: str, area: Area, digest: str, size: int, created: bool) -> None:
        """Compare the stored object with the source, unless one request has created it and the
        store has checked it. Raises StorageError."""
        if area in READ_BACK:
            self._compare(key, digest)
        elif not created:
            stored = self.size(key)
            if stored != size:
                raise StorageError(f"{key} has {stored} bytes in the store, not {size}")

    def _compare(self, key: str, digest: str) -> None:
        found = hashlib.sha256()
        for part in self._parts(key, just_written=True):
            found.update(part)
        if found.hexdigest() != digest:
            raise StorageError(f"{key} reads back different bytes than were written")

    def _parts(self, key: str, *, just_written: bool = False) -> Iterator[bytes]:
        """An object's bytes in parts of limited size. Raises FileNotFoundError."""
        part_bytes = self._transfers.received_part_bytes()
        receive = partial(self._transfers.receive, key, just_written=just_written)
        receive(0)  # Its size is not known yet.
        try:
            first = obstore.get(self._store, key, options={"range": (0, part_bytes)})
        except BaseError as error:
            # An empty object has no valid range; the answer 416 is no error then.
            if "status code: 416" in str(error) and obstore.head(self._store, key)["size"] == 0:
                return
            raise
        total, value = first.meta["size"], first.bytes().to_bytes()
        receive(len(value))
        done = len(value)
        yield value
        while done < total:
            end = min(done + part_bytes, total)
            receive(end - done)
            value = obstore.get_range(self._store, key, start=done, end=end).to_bytes()
            yield value
            done += len(value)


def check_bucket(location: S3Location) -> None:
    """Return when the store has answered a request for the bucket. Raises StorageError."""
    with _storage_errors(location.bucket):
        next(iter(obstore.list(connect(location), chunk_size=1)), None)


def _keys(location: S3Location) -> "S3Config":
    keys: S3Config = {
        "access_key_id": location.access_key_id,
        "secret_access_key": location.secret_access_key,
    }
    if location.session_token:
        keys["session_token"] = location.session_token
    return keys


def _check_bucket_exists(missing: FileNotFoundError) -> None:
    """A missing object is no error; a missing bucket is raised."""
    if "NoSuchBucket" in str(missing):
        raise missing


@contextmanager
def _storage_errors(about: str) -> Iterator[None]:
    """Turn errors of the store and of the disk into StorageError."""
    try:
        yield
    except FileNotFoundError as missing:
        if "NoSuchBucket" in str(missing):
            raise StorageError(f"{about}: {reason(missing)}") from missing
        raise ObjectUnusable(f"{about} does not exist: {reason(missing)}") from missing
    except (BaseError, OSError) as error:
        raise StorageError(f"{about}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The message of a store's client without its debug output."""
    text = str(error).partition("\n\nDebug source")[0]
    found = re.search(r"<Code>(.*?)</Code>(?:<Message>(.*?)</Message>)?", text, re.S)
    if found:
        text = f"{text.partition('<?xml')[0].strip()} {found[1]}: {found[2] or ''}"
    return " ".join(text.split())[:400]
