"""Where the objects are: on local disk in the home, or in a bucket of an S3 store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

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


def read_location(environment: Mapping[str, str], faults: list[str]) -> S3Location | None:
    """The bucket that COPYSTAND_STORE names; None for local disk. Faults are added to the list."""
    wanted = environment.get("COPYSTAND_STORE", "")
    if not wanted:
        return None
    bucket, prefix = _bucket_and_prefix(wanted, faults)
    region = environment.get("AWS_REGION") or DEFAULT_REGION
    endpoint = environment.get("COPYSTAND_S3_ENDPOINT") or f"https://s3.{region}.amazonaws.com"
    allow_http = environment.get("COPYSTAND_S3_ALLOW_HTTP", "") == "1"
    faults += _endpoint_faults(endpoint, allow_http)
    keys = {name: environment.get(name, "") for name in KEYS}
    faults += [
        f"{name} is empty; COPYSTAND_STORE needs it" for name, key in keys.items() if not key
    ]
    return S3Location(
        bucket=bucket,
        prefix=prefix,
        endpoint=endpoint.rstrip("/"),
        region=region,
        access_key_id=keys["AWS_ACCESS_KEY_ID"],
        secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        session_token=environment.get("AWS_SESSION_TOKEN", ""),
    )


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def _bucket_and_prefix(wanted: str, faults: list[str]) -> tuple[str, str]:
    scheme, _, rest = wanted.partition("://")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if scheme != "s3" or not BUCKET.match(bucket) or (prefix and not PREFIX.match(prefix)):
        faults.append(f"COPYSTAND_STORE must be empty or s3://bucket/prefix, got {wanted!r}")
    return bucket, prefix


def _endpoint_faults(endpoint: str, allow_http: bool) -> list[str]:
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return [f"COPYSTAND_S3_ENDPOINT must be https://host:port, got {endpoint!r}"]
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/"):
        return [f"COPYSTAND_S3_ENDPOINT must be https://host:port, got {endpoint!r}"]
    if parts.username or parts.password:
        return ["COPYSTAND_S3_ENDPOINT holds a user or password; keys go into AWS_ACCESS_KEY_ID …"]
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        return [
            f"COPYSTAND_S3_ENDPOINT is plain http to {host}: masters would cross the network in the"
            " clear; give an https address, or COPYSTAND_S3_ALLOW_HTTP=1 in a network of your own"
        ]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
