"""Where the objects are: on local disk in the home, or in a bucket of an S3 store."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import ValidationInfo

from streams.settings_fields import Mistake

LOCAL = "local disk"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*\Z")
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class S3Location:
    """A bucket, a prefix in it, and how to get there."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def bucket_and_prefix(store: str) -> tuple[str, str]:
    """The two parts of `s3://bucket/prefix`. Raises ValueError."""
    scheme, _, rest = store.partition("://")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if scheme != "s3" or not BUCKET.match(bucket) or (prefix and not PREFIX.match(prefix)):
        raise ValueError
    return bucket, prefix


def check_store(store: str) -> str:
    """The value of COPYSTAND_STORE. Raises ValueError."""
    if store:
        bucket_and_prefix(store)
    return store


def check_endpoint(endpoint: str, info: ValidationInfo) -> str:
    """The address of the store that COPYSTAND_STORE needs. Raises ValueError."""
    if not endpoint or not _needs_a_store(info):
        return endpoint
    parts = urlsplit(endpoint)
    host, _ = parts.hostname or "", parts.port
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/"):
        raise ValueError
    if parts.username or parts.password:
        raise Mistake("holds a user or password; set AWS_ACCESS_KEY_ID … instead")
    if parts.scheme == "http" and not info.data.get("s3_allow_http") and not _is_loopback(host):
        raise Mistake(
            f"is plain http to {host}: masters would cross the network unencrypted; give an https"
            " address, or set COPYSTAND_S3_ALLOW_HTTP=1 in a private network"
        )
    return endpoint.rstrip("/")


def check_key(key: str, info: ValidationInfo) -> str:
    """A key that COPYSTAND_STORE needs. Raises ValueError."""
    if _needs_a_store(info) and not key:
        raise Mistake("is empty; COPYSTAND_STORE needs it")
    return key


def _needs_a_store(info: ValidationInfo) -> bool:
    """Whether COPYSTAND_STORE is set. A wrong one is absent here, so that its keys are checked."""
    return info.data.get("object_store") != ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
