"""Reads the digests of BagIt bags, and verifies those of all lists of a delivery."""

import codecs
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from processors.rules.value_formats import is_safe_path
from schemas.models import Diagnostic
from streams.clients.station.digest_lines import Expected, digests_in
from streams.clients.station.digest_memory import DigestMemory, NoMemory
from streams.clients.station.findings import finding
from streams.clients.station.on_disk import Names
from streams.clients.station.scan import DeliveredFile, Progress

CHUNK = 1 << 20
BAG_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
DECLARATION = re.compile(
    r"BagIt-Version: (\d+\.\d+)\r?\n?\r?Tag-File-Character-Encoding: (\S+)\s*\Z"
)
OXUM = re.compile(r"^Payload-Oxum\s*:\s*(\d+)\.(\d+)\s*$", re.MULTILINE)


@dataclass
class StatedChecksums:
    """The digests that the lists and bags of a delivery state."""

    expected: list[Expected] = field(default_factory=list)
    consumed: set[str] = field(default_factory=set)
    """Names of the lists and tag files themselves."""
    diagnostics: list[Diagnostic] = field(default_factory=list)


Files = dict[str, DeliveredFile]


def bag_of(base: str, files: Files) -> StatedChecksums:
    """The digests that a BagIt bag (RFC 8493) at `base` states, and whether it is complete."""
    stated = StatedChecksums()
    prefix = f"{base}/" if base else ""
    inside = {n.removeprefix(prefix): f for n, f in files.items() if n.startswith(prefix)}
    payload = {name for name in inside if name.startswith("data/")}
    try:
        version, encoding = _declaration(inside["bagit.txt"])
        lists = _manifests(inside, encoding, stated)
    except (KeyError, OSError, ValueError, LookupError) as failed:
        stated.diagnostics.append(finding("bag.malformed", f"{prefix}bagit.txt", failed))
        return stated
    if not any(name.startswith("manifest-") for name in lists):
        found = "it has no payload manifest"
        stated.diagnostics.append(finding("bag.malformed", f"{prefix}bagit.txt", found))
    for name, listed in lists.items():
        _compare(name, listed, inside, payload, version, stated, prefix)
    stated.diagnostics += _unlisted(lists, inside, payload, version, prefix)
    _fetch_and_oxum(inside, payload, encoding, stated, prefix)
    stated.consumed |= {prefix + name for name in (*lists, "bagit.txt", "bag-info.txt")}
    stated.consumed |= {f"{prefix}{name}" for name in ("package-info.txt", "fetch.txt")}
    return stated


def _declaration(bagit: DeliveredFile) -> tuple[tuple[int, int], str]:
    text = bagit.path.read_bytes().decode()
    match = DECLARATION.match(text)
    if not match or text.startswith("\ufeff"):
        raise ValueError(f"bagit.txt reads {text[:80]!r}")
    codecs.lookup(match[2])
    major, minor = match[1].split(".")
    return (int(major), int(minor)), match[2]


def _manifests(inside: Files, encoding: str, stated: StatedChecksums) -> dict[str, list[Expected]]:
    lists: dict[str, list[Expected]] = {}
    names = Names(inside)
    for name, file in inside.items():
        match = re.fullmatch(r"(?:tag)?manifest-(.+)\.txt", name)
        if not match:
            continue
        if match[1].lower() not in BAG_ALGORITHMS:
            stated.diagnostics.append(
                finding("bag.malformed", name, f"unsupported algorithm {match[1]}")
            )
            continue
        text = file.path.read_bytes().decode(encoding).removeprefix("\ufeff")
        listed = digests_in(text, name, match[1].lower())
        lists[name] = [replace(one, name=_decoded(one.name, names)) for one in listed]
    return lists


def _decoded(written: str, names: Names) -> str:
    path = written.removeprefix("./")
    escaped = re.sub(r"%(0A|0D|25)", lambda m: chr(int(m[1], 16)), path, flags=re.IGNORECASE)
    exact = path if path in names else names.on_disk(escaped)
    return exact if exact in names else names.on_disk(escaped.strip(" \t"))


def _compare(
    name: str,
    listed: list[Expected],
    inside: Files,
    payload: set[str],
    version: tuple[int, int],
    stated: StatedChecksums,
    prefix: str,
) -> None:
    of_payload = name.startswith("manifest-")
    seen: dict[str, str] = {}
    for one in listed:
        outside = not is_safe_path(one.name) or one.name.startswith("~")
        twice = one.name in seen and (version >= (1, 0) or seen[one.name] != one.digest)
        if outside or (of_payload and not one.name.startswith("data/")):
            found = f"lists the unsafe path {one.name}"
            stated.diagnostics.append(finding("bag.malformed", prefix + name, found))
        elif one.name not in inside:
            stated.diagnostics.append(finding("bag.incomplete", prefix + one.name, f"in {name}"))
        elif twice:
            found = f"lists {one.name} twice"
            stated.diagnostics.append(finding("bag.malformed", prefix + name, found))
        else:
            stated.expected.append(replace(one, name=prefix + one.name, list_name=prefix + name))
        seen[one.name] = one.digest


def _unlisted(
    lists: dict[str, list[Expected]],
    inside: Files,
    payload: set[str],
    version: tuple[int, int],
    prefix: str,
) -> Iterator[Diagnostic]:
    """Payload files that a manifest lacks. Each manifest lists all of them since version 1.0
    (RFC 8493, 2.1.3); before, each file is in one of the manifests."""
    listed = {
        name: {one.name for one in of_list}
        for name, of_list in lists.items()
        if name.startswith("manifest-")
    }
    if listed and version < (1, 0):
        listed = {" or ".join(sorted(listed)): set().union(*listed.values())}
    for name, names in listed.items():
        for other in sorted(payload - names):
            if not inside[other].is_skipped:
                yield finding("bag.file-unlisted", prefix + other, f"not in {name}")


def _fetch_and_oxum(
    inside: Files, payload: set[str], encoding: str, stated: StatedChecksums, prefix: str
) -> None:
    if "fetch.txt" in inside:
        for line in inside["fetch.txt"].path.read_bytes().decode(encoding).splitlines():
            path = [*line.split(maxsplit=2), "", "", ""][2].strip().removeprefix("./")
            if line.strip() and not (path.startswith("data/") and is_safe_path(path)):
                found = f"lists the unsafe path {path or line}"
                stated.diagnostics.append(finding("bag.malformed", f"{prefix}fetch.txt", found))
    info = inside.get("bag-info.txt") or inside.get("package-info.txt")
    match = OXUM.search(info.path.read_bytes().decode(encoding, "replace")) if info else None
    actual = (sum(inside[name].size_bytes for name in payload), len(payload))
    if match and (int(match[1]), int(match[2])) != actual:
        found = f"Payload-Oxum {match[1]}.{match[2]}, found {actual[0]}.{actual[1]}"
        stated.diagnostics.append(finding("bag.oxum-mismatch", f"{prefix}bag-info.txt", found))


def digest_all(
    wanted: Iterable[DeliveredFile],
    stated: StatedChecksums,
    files: Files,
    progress: Progress,
    memory: DigestMemory | None = None,
) -> tuple[dict[str, str], list[Diagnostic]]:
    """SHA-256 by name of the wanted files, and a diagnostic for each digest that differs."""
    memory = memory or NoMemory()
    algorithms_of: dict[str, set[str]] = defaultdict(set)
    for file in wanted:
        algorithms_of[file.name].add("sha256")
    for one in stated.expected:
        if one.name in files:
            algorithms_of[one.name].add(one.algorithm)
    total, done = sum(files[name].size_bytes for name in algorithms_of), 0
    actual: dict[tuple[str, str], str] = {}
    found: list[Diagnostic] = []
    for name, algorithms in algorithms_of.items():
        try:
            for chunk_size in _digested(files[name], algorithms, actual, memory):
                done += chunk_size
                progress("hashing", done, total)
            if not files[name].is_as_scanned():
                found.append(
                    finding("file.changed-meanwhile", name, "its size or modification time changed")
                )
        except OSError as failed:
            found.append(finding("file.unreadable", name, failed.strerror or failed))
    for one in stated.expected:
        digest = actual.get((one.name, one.algorithm))
        if digest is not None and digest != one.digest:
            difference = f"{one.list_name} states {one.digest}, the file has {digest}"
            found.append(finding("checksum.mismatch", one.name, difference))
    return {name: digest for (name, kind), digest in actual.items() if kind == "sha256"}, found


def _digested(
    file: DeliveredFile,
    algorithms: set[str],
    actual: dict[tuple[str, str], str],
    memory: DigestMemory,
) -> Iterator[int]:
    known = memory.recall(file)
    if algorithms <= known.keys():
        actual |= {(file.name, name): known[name] for name in algorithms}
        yield file.size_bytes
        return
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)}
    with file.path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            for digest in digests.values():
                digest.update(chunk)
            yield len(chunk)
    found = {name: digest.hexdigest() for name, digest in digests.items()}
    actual |= {(file.name, name): digest for name, digest in found.items()}
    if file.is_as_scanned():
        memory.remember(file, found)
