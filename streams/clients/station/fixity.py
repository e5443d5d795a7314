"""Digests that came with a delivery, in checksum lists and BagIt bags, and their check."""

import codecs
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from processors.rules.value_formats import is_safe_path
from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.scan import DeliveredFile, Progress

CHUNK = 1 << 20
LISTS = {f"checksums.{name}": name for name in ("sha256", "md5", "sha1", "sha512")}
BAG_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
LINE = re.compile(r"\\?([0-9A-Fa-f]{32,128})[ \t]+\*?(.+)")
DECLARATION = re.compile(
    r"BagIt-Version: (\d+\.\d+)\r?\n?\r?Tag-File-Character-Encoding: (\S+)\s*\Z"
)
OXUM = re.compile(r"^Payload-Oxum\s*:\s*(\d+)\.(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Expected:
    """A digest that a list states for a file."""

    name: str
    algorithm: str
    digest: str
    list_name: str


@dataclass
class StatedChecksums:
    """All that lists and bags of a delivery state."""

    expected: list[Expected] = field(default_factory=list)
    consumed: set[str] = field(default_factory=set)
    """Names of the lists and tag files themselves."""
    diagnostics: list[Diagnostic] = field(default_factory=list)


Files = dict[str, DeliveredFile]


def lists_of(files: Files) -> StatedChecksums:
    """What the checksum lists of a delivery state."""
    made = StatedChecksums()
    for name, file in files.items():
        algorithm = LISTS.get(PurePosixPath(name).name.casefold())
        if algorithm is None:
            continue
        made.consumed.add(name)
        base = PurePosixPath(name).parent
        try:
            stated = list(_lines(file.path.read_text("utf-8-sig"), name, algorithm))
        except (UnicodeDecodeError, ValueError) as wrong:
            made.diagnostics.append(finding("checksum.list-unreadable", name, wrong))
            continue
        listed = [_below(base, one, files) for one in stated]
        made.expected += listed
        missing = (one for one in listed if one.name not in files)
        made.diagnostics += [finding("checksum.file-missing", one.name, name) for one in missing]
        covered = {one.name for one in listed} | {name}
        made.diagnostics += [
            finding("checksum.file-unlisted", other, f"not in {name}")
            for other in files
            if PurePosixPath(other).is_relative_to(base)
            and other not in covered
            and PurePosixPath(other).name.casefold() not in LISTS
            and not files[other].is_skipped
        ]
    return made


def _lines(text: str, name: str, algorithm: str) -> Iterator[Expected]:
    length = hashlib.new(algorithm, usedforsecurity=False).digest_size * 2
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if not match or len(match[1]) != length:
            raise ValueError(f"line {number}: {line!r}")
        path = match[2].replace("\\\\", "\\") if line.startswith("\\") else match[2]
        yield Expected(path, algorithm, match[1].lower(), name)


def _below(base: PurePosixPath, one: Expected, files: Files) -> Expected:
    """A list's own path, as a name of the delivery."""
    written = one.name if one.name in files else one.name.replace("\\", "/")
    path = PurePosixPath(written)
    name = str(base / path) if not path.is_absolute() else written
    return Expected(_as_on_disk(name, files), one.algorithm, one.digest, one.list_name)


def _as_on_disk(name: str, files: Files) -> str:
    """The name as the file system has it: accents may be written in another form."""
    if name in files:
        return name
    plain = unicodedata.normalize("NFC", name)
    return next((other for other in files if unicodedata.normalize("NFC", other) == plain), name)


def bag_of(base: str, files: Files) -> StatedChecksums:
    """What a BagIt bag (RFC 8493) at `base` states, and whether it is whole."""
    made = StatedChecksums()
    prefix = f"{base}/" if base else ""
    inside = {n.removeprefix(prefix): f for n, f in files.items() if n.startswith(prefix)}
    payload = {name for name in inside if name.startswith("data/")}
    try:
        version, encoding = _declaration(inside["bagit.txt"])
        lists = _manifests(inside, encoding, made)
    except (KeyError, OSError, ValueError, LookupError) as wrong:
        made.diagnostics.append(finding("bag.malformed", f"{prefix}bagit.txt", wrong))
        return made
    if not any(name.startswith("manifest-") for name in lists):
        found = "no payload manifest"
        made.diagnostics.append(finding("bag.malformed", f"{prefix}bagit.txt", found))
    for name, stated in lists.items():
        _compare(name, stated, inside, payload, version, made, prefix)
    _fetch_and_oxum(inside, payload, encoding, made, prefix)
    made.consumed |= {prefix + name for name in (*lists, "bagit.txt", "bag-info.txt")}
    made.consumed |= {f"{prefix}{name}" for name in ("package-info.txt", "fetch.txt")}
    return made


def _declaration(bagit: DeliveredFile) -> tuple[tuple[int, int], str]:
    text = bagit.path.read_bytes().decode()
    match = DECLARATION.match(text)
    if not match or text.startswith("\ufeff"):
        raise ValueError(f"bagit.txt reads {text[:80]!r}")
    codecs.lookup(match[2])
    major, minor = match[1].split(".")
    return (int(major), int(minor)), match[2]


def _manifests(inside: Files, encoding: str, made: StatedChecksums) -> dict[str, list[Expected]]:
    lists: dict[str, list[Expected]] = {}
    for name, file in inside.items():
        match = re.fullmatch(r"(?:tag)?manifest-(.+)\.txt", name)
        if not match:
            continue
        if match[1].lower() not in BAG_ALGORITHMS:
            made.diagnostics.append(finding("bag.malformed", name, f"digests by {match[1]}"))
            continue
        text = file.path.read_bytes().decode(encoding).removeprefix("\ufeff")
        lists[name] = [
            Expected(_decoded(one.name, inside), one.algorithm, one.digest, name)
            for one in _lines(text, name, match[1].lower())
        ]
    return lists


def _decoded(written: str, inside: Files) -> str:
    path = written.removeprefix("./")
    escaped = re.sub(r"%(0A|0D|25)", lambda m: chr(int(m[1], 16)), path, flags=re.IGNORECASE)
    return next((one for one in (path, escaped) if one in inside), _as_on_disk(escaped, inside))


def _compare(
    name: str,
    stated: list[Expected],
    inside: Files,
    payload: set[str],
    version: tuple[int, int],
    made: StatedChecksums,
    prefix: str,
) -> None:
    of_payload = name.startswith("manifest-")
    seen: dict[str, str] = {}
    for one in stated:
        outside = not is_safe_path(one.name) or one.name.startswith("~")
        if outside or (of_payload and not one.name.startswith("data/")):
            made.diagnostics.append(finding("bag.malformed", prefix + name, f"names {one.name}"))
        elif one.name not in inside:
            made.diagnostics.append(finding("bag.incomplete", prefix + one.name, f"in {name}"))
        elif seen.get(one.name, one.digest) != one.digest or (
            one.name in seen and version >= (1, 0)
        ):
            made.diagnostics.append(finding("bag.malformed", prefix + name, f"{one.name} twice"))
        else:
            made.expected.append(
                Expected(prefix + one.name, one.algorithm, one.digest, prefix + name)
            )
        seen[one.name] = one.digest
    if of_payload:
        made.diagnostics += [
            finding("bag.file-unlisted", prefix + other, f"not in {name}")
            for other in sorted(payload - set(seen))
            if not inside[other].is_skipped
        ]


def _fetch_and_oxum(
    inside: Files, payload: set[str], encoding: str, made: StatedChecksums, prefix: str
) -> None:
    if "fetch.txt" in inside:
        for line in inside["fetch.txt"].path.read_bytes().decode(encoding).splitlines():
            path = [*line.split(maxsplit=2), "", "", ""][2].strip().removeprefix("./")
            if line.strip() and not (path.startswith("data/") and is_safe_path(path)):
                found = f"fetch.txt names {path or line}"
                made.diagnostics.append(finding("bag.malformed", f"{prefix}fetch.txt", found))
    info = inside.get("bag-info.txt") or inside.get("package-info.txt")
    match = OXUM.search(info.path.read_bytes().decode(encoding, "replace")) if info else None
    actual = (sum(inside[name].size_bytes for name in payload), len(payload))
    if match and (int(match[1]), int(match[2])) != actual:
        found = f"Payload-Oxum {match[1]}.{match[2]}, found {actual[0]}.{actual[1]}"
        made.diagnostics.append(finding("bag.oxum-mismatch", f"{prefix}bag-info.txt", found))


def digest_all(
    wanted: Iterable[DeliveredFile], promises: StatedChecksums, files: Files, progress: Progress
) -> tuple[dict[str, str], list[Diagnostic]]:
    """SHA-256 by name of the files wanted, and every digest that is not as it was stated."""
    demand: dict[str, set[str]] = defaultdict(set)
    for file in wanted:
        demand[file.name].add("sha256")
    for one in promises.expected:
        if one.name in files:
            demand[one.name].add(one.algorithm)
    total, done = sum(files[name].size_bytes for name in demand), 0
    actual: dict[tuple[str, str], str] = {}
    found: list[Diagnostic] = []
    for name, algorithms in demand.items():
        try:
            for chunk_size in _digested(files[name], algorithms, actual):
                done += chunk_size
                progress("hashing", done, total)
            if not files[name].is_as_scanned():
                found.append(finding("file.changed-meanwhile", name, "its size or time changed"))
        except OSError as wrong:
            found.append(finding("file.unreadable", name, wrong.strerror or wrong))
    for one in promises.expected:
        digest = actual.get((one.name, one.algorithm))
        if digest is not None and digest != one.digest:
            said = f"{one.list_name} says {one.digest}, the file has {digest}"
            found.append(finding("checksum.mismatch", one.name, said))
    return {name: digest for (name, kind), digest in actual.items() if kind == "sha256"}, found


def _digested(
    file: DeliveredFile, algorithms: set[str], actual: dict[tuple[str, str], str]
) -> Iterator[int]:
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)}
    with file.path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            for digest in digests.values():
                digest.update(chunk)
            yield len(chunk)
    actual |= {(file.name, name): digest.hexdigest() for name, digest in digests.items()}
