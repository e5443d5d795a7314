"""BagIt 1.0 (RFC 8493): tag files, manifests, validation, and the content digest."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAG_FILES = ("bagit.txt", "bag-info.txt", MANIFEST, TAG_MANIFEST)
PAYLOAD = "data/"
OTHER_TAG_MANIFEST = re.compile(r"tagmanifest-(md5|sha1|sha512)\.txt\Z")
NOT_CONTENT = "data/metadata/premis.xml"


def by_bytes(path: str) -> bytes:
    """Sort key of paths: their UTF-8 bytes, independent of the locale."""
    return path.encode()


def manifest(digests: Mapping[str, str]) -> bytes:
    """A sorted manifest of paths and their SHA-256."""
    lines = (f"{digests[path]}  {path}\n" for path in sorted(digests, key=by_bytes))
    return "".join(lines).encode()


def read_manifest(content: bytes) -> dict[str, str]:
    """Path and digest of every line. Raises ValueError for an invalid line."""
    digests: dict[str, str] = {}
    for line in content.decode("utf-8").splitlines():
        digest, separator, path = line.partition("  ")
        if not separator or len(digest) != 64 or path in digests:
            raise ValueError(f"not a manifest line: {line[:120]!r}")
        digests[path] = digest.lower()
    return digests


def bag_info(fields: Mapping[str, str]) -> bytes:
    """bag-info.txt; each value is written on one line."""
    return "".join(
        f"{name}: {' '.join(value.split())}\n" for name, value in fields.items()
    ).encode()


def tag_files(payload: Mapping[str, str], info: Mapping[str, str]) -> dict[str, bytes]:
    """All tag files by name; `payload` has the digests by path."""
    files = {"bagit.txt": BAGIT, "bag-info.txt": bag_info(info), MANIFEST: manifest(payload)}
    files[TAG_MANIFEST] = manifest(
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )
    return files


Digests = Mapping[str, Mapping[str, str]]
"""By algorithm, digests by path."""


@dataclass(frozen=True)
class Tags:
    """The tag files of a bag: those before its payload, and those that need to read it first."""

    first: Mapping[str, bytes]
    algorithms: Sequence[str] = ()
    """What to compute of the payload, besides the SHA-256 that is known."""
    last: Callable[[Digests], Mapping[str, bytes]] = lambda _: {}
    """The other tag files, from the digests of the payload by these algorithms."""


def tags(
    payload: Mapping[str, str],
    info: Mapping[str, str],
    more: Mapping[str, Mapping[str, str]],
    algorithms: Sequence[str],
    tag_algorithms: Sequence[str],
) -> Tags:
    """Tag files with manifests of several algorithms; `more` are the fields of further tag files.

    The other manifests follow the payload, so that it is read once."""
    first = {"bagit.txt": BAGIT, "bag-info.txt": bag_info(info)}
    first |= {name: bag_info(fields) for name, fields in more.items()}
    first[MANIFEST] = manifest(payload)

    def last(digests: Digests) -> dict[str, bytes]:
        files = {f"manifest-{name}.txt": manifest(digests[name]) for name in algorithms}
        listed = first | files
        for name in ("sha256", *tag_algorithms):
            computed = {
                tag: hashlib.new(name, content).hexdigest() for tag, content in listed.items()
            }
            files[f"tagmanifest-{name}.txt"] = manifest(computed)
        return files

    return Tags(first, algorithms, last)


def content_digest(payload: Mapping[str, str]) -> str:
    """The content digest of a package (docs/contract.md §7)."""
    digest = hashlib.sha256()
    for path in sorted(payload, key=by_bytes):
        if path.startswith(PAYLOAD) and path != NOT_CONTENT:
            digest.update(path.encode() + b"\0" + payload[path].lower().encode() + b"\n")
    return digest.hexdigest()


def differences(computed: Mapping[str, str], tags: Mapping[str, bytes]) -> list[str]:
    """Differences between the computed digests of a bag and its manifests, read from `tags`."""
    missing = [name for name in TAG_FILES if name not in tags]
    if missing:
        return [f"{name} is missing" for name in missing]
    try:
        listed = read_manifest(tags[MANIFEST])
        tagged = read_manifest(tags[TAG_MANIFEST])
    except ValueError as wrong:
        return [str(wrong)]
    found = [f"{path} is not under data/" for path in listed if not path.startswith(PAYLOAD)]
    found += [f"{name} is not in {TAG_MANIFEST}" for name in TAG_FILES[:3] if name not in tagged]
    for path, digest in sorted((listed | tagged).items()):
        if path not in computed:
            found.append(f"{path} is missing")
        elif computed[path] != digest:
            found.append(f"{path} has the SHA-256 {computed[path]}, expected {digest}")
    extra = set(computed) - set(listed) - set(tagged) - {TAG_MANIFEST}
    # Tag manifests are in no manifest.
    extra = {path for path in extra if not OTHER_TAG_MANIFEST.match(path)}
    return found + [f"{path} is in no manifest" for path in sorted(extra)]
