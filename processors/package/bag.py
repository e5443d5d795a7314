"""BagIt 1.0 (RFC 8493): tag files, manifests and their check, digest of the content part."""

import hashlib
from collections.abc import Mapping

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAG_FILES = ("bagit.txt", "bag-info.txt", MANIFEST, TAG_MANIFEST)
PAYLOAD = "data/"
NOT_CONTENT = "data/metadata/premis.xml"


def by_bytes(path: str) -> bytes:
    """Sort key of paths: their UTF-8 bytes, whatever the locale."""
    return path.encode()


def manifest(digests: Mapping[str, str]) -> bytes:
    """A manifest over paths and their SHA-256, sorted."""
    lines = (f"{digests[path]}  {path}\n" for path in sorted(digests, key=by_bytes))
    return "".join(lines).encode()


def read_manifest(content: bytes) -> dict[str, str]:
    """Path and digest of every line. Raises ValueError for a line that is none."""
    digests: dict[str, str] = {}
    for line in content.decode("utf-8").splitlines():
        digest, separator, path = line.partition("  ")
        if not separator or len(digest) != 64 or path in digests:
            raise ValueError(f"not a manifest line: {line[:120]!r}")
        digests[path] = digest.lower()
    return digests


def bag_info(fields: Mapping[str, str]) -> bytes:
    """bag-info.txt; a value is kept on one line."""
    return "".join(
        f"{name}: {' '.join(value.split())}\n" for name, value in fields.items()
    ).encode()


def tag_files(payload: Mapping[str, str], info: Mapping[str, str]) -> dict[str, bytes]:
    """All tag files by name, for a payload given as paths and digests."""
    files = {"bagit.txt": BAGIT, "bag-info.txt": bag_info(info), MANIFEST: manifest(payload)}
    files[TAG_MANIFEST] = manifest(
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )
    return files


def content_digest(payload: Mapping[str, str]) -> str:
    """SHA-256 over `path NUL sha256 LF` of the content part (docs/contract.md §7)."""
    digest = hashlib.sha256()
    for path in sorted(payload, key=by_bytes):
        if path.startswith(PAYLOAD) and path != NOT_CONTENT:
            digest.update(path.encode() + b"\0" + payload[path].lower().encode() + b"\n")
    return digest.hexdigest()


def faults(found: Mapping[str, str], tags: Mapping[str, bytes]) -> list[str]:
    """What in a bag differs from its manifests; takes all digests as found, and the tag files."""
    missing = [name for name in TAG_FILES if name not in tags]
    if missing:
        return [f"{name} is missing" for name in missing]
    try:
        listed = read_manifest(tags[MANIFEST])
        tagged = read_manifest(tags[TAG_MANIFEST])
    except ValueError as wrong:
        return [str(wrong)]
    told = [f"{path} is not under data/" for path in listed if not path.startswith(PAYLOAD)]
    told += [f"{name} is not in {TAG_MANIFEST}" for name in TAG_FILES[:3] if name not in tagged]
    for path, digest in sorted((listed | tagged).items()):
        if path not in found:
            told.append(f"{path} is missing")
        elif found[path] != digest:
            told.append(f"{path} has the SHA-256 {found[path]}, expected {digest}")
    extra = set(found) - set(listed) - set(tagged) - {TAG_MANIFEST}
    return told + [f"{path} is in no manifest" for path in sorted(extra)]
