"""BagIt 1.0 (RFC 8493): tag files, manifests, validation, and the content digest."""

import hashlib
from collections.abc import Mapping

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAG_FILES = ("bagit.txt", "bag-info.txt", MANIFEST, TAG_MANIFEST)
PAYLOAD = "data/"
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
    return found + [f"{path} is in no manifest" for path in sorted(extra)]
