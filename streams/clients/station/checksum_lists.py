"""Recognises the checksum lists and sidecars of a delivery, and what they state for which file."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from schemas.models import Diagnostic
from streams.clients.station.digest_lines import (
    ALGORITHM_OF,
    Expected,
    digests_in,
    lines_of,
    text_of,
)
from streams.clients.station.findings import finding
from streams.clients.station.fixity import Files, StatedChecksums
from streams.clients.station.item_description import schema_of
from streams.clients.station.on_disk import Names
from streams.clients.station.scan import DeliveredFile, is_system
from streams.clients.station.sidecar_files import ITEM_JSON, PAGES_CSV

SIDECARS = (ITEM_JSON, PAGES_CSV)
SUPPORTED = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
SHA = r"md5|sha-?(?:1|224|256|384|512)"
OTHER = r"sfv|crc-?32|b2|b3|blake2b?|blake3|xxh\w*"
NAMED = re.compile(
    rf"""(?:.*\.)?({SHA})(?:sums?)?(?:\.txt)?             # 0001.tif.md5, md5.txt, SHA256SUMS
    |.*\.({OTHER})(?:\.txt)?|({OTHER})sums?(?:\.txt)?   # 0001.sfv, B2SUMS
    |(?:tag)?manifest-({SHA}|{OTHER})\.txt               # outside of a bag
    |(?:.*[-_ .])?checksums?(?:[-_ .]?({SHA}|{OTHER}))?(?:\.txt)?""",
    re.VERBOSE,
)
"""Names of checksum lists, in lower case; a group has the algorithm."""
DIGEST = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})"
    r"(?![0-9A-Za-z])"
)
SEPARATOR = re.compile(r"[,;\t|]")
CERTUTIL = re.compile(r"^CertUtil: ", re.MULTILINE)
XML_OF_DIGESTS = re.compile(r"checksum|digest|fixity|hash|md5|sha-?(?:1|256|512)")
IN_XML = "xml"
LARGEST_GUESS = 16 * 1024 * 1024
"""A larger text is not read to find out whether it is a checksum list."""
EXPECTED_FORM = "expected one line per file: digest, two spaces, path"


def lists_of(files: Files, elsewhere: frozenset[str] = frozenset()) -> StatedChecksums:
    """The digests that checksum lists and sidecars state, except those `elsewhere`, in bags."""
    stated, names = StatedChecksums(), Names(files)
    lists = {
        name: algorithm
        for name, file in files.items()
        if name not in elsewhere
        and not file.is_skipped
        and (algorithm := algorithm_of(file)) is not None
    }
    stated.consumed |= set(lists)
    inside = _files_below({str(PurePosixPath(name).parent) for name in lists}, files)
    for name, algorithm in lists.items():
        try:
            listed = list(_read(files[name], algorithm, names))
        except (OSError, ValueError) as failed:
            found = f"{failed}; {EXPECTED_FORM}"
            stated.diagnostics.append(finding("checksum.list-unreadable", name, found))
            continue
        stated.expected += listed
        missing = (one for one in listed if one.name not in files and not is_system(one.name))
        stated.diagnostics += [finding("checksum.file-missing", one.name, name) for one in missing]
        if not _is_sidecar(name, listed):
            stated.diagnostics += _unlisted(name, listed, inside, set(lists))
    return stated


def algorithm_of(file: DeliveredFile) -> str | None:
    """The algorithm that the name of a checksum list states, "" if none; None for another file."""
    if file.is_page or file.base_name.casefold() in SIDECARS:
        return None
    if file.root is not None:
        return IN_XML if _is_xml_of_digests(file) else None
    match = NAMED.fullmatch(file.base_name.casefold())
    if match:
        stated = next((group for group in match.groups() if group), "")
        return stated.replace("sha-", "sha")
    return "" if _looks_like_digests(file) else None


def _is_xml_of_digests(file: DeliveredFile) -> bool:
    """Whether an XML file that is no record has digests, and is named after them."""
    assert file.root is not None
    named = XML_OF_DIGESTS.search(f"{file.base_name} {file.root.name}".casefold())
    if not named or schema_of(file) or file.size_bytes > LARGEST_GUESS:
        return False
    try:
        return DIGEST.search(file.path.read_text("utf-8-sig", "replace")) is not None
    except OSError:
        return False


def _looks_like_digests(file: DeliveredFile) -> bool:
    """Whether most lines of a text contain a digest."""
    if file.description != "plain text" or file.size_bytes > LARGEST_GUESS:
        return False
    try:
        lines = lines_of(file.path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return False
    with_digest = sum(1 for line in lines if DIGEST.search(line))
    return 2 * with_digest > len(lines)


def _read(file: DeliveredFile, algorithm: str, names: Names) -> Iterator[Expected]:
    """The digests in a list, each with the name of its file in the delivery. Raises ValueError."""
    if algorithm == IN_XML:
        raise ValueError("it has digests in XML")
    if algorithm and algorithm not in SUPPORTED:
        raise ValueError(f"the algorithm {algorithm} is not supported, but {', '.join(SUPPORTED)}")
    text = text_of(file.path.read_bytes())
    if CERTUTIL.search(text):
        yield _of_certutil(text, file.name, names)
        return
    try:
        listed = list(digests_in(text, file.name, algorithm or None))
    except ValueError as no_list:
        if not (rows := list(_rows(text, file.name, names))):
            raise no_list from None
        yield from rows
        return
    if not listed:
        raise ValueError("it contains no digest")
    for one in listed:
        if one.name:
            yield replace(one, name=_file_named(one.name, file.name, names))
        elif len(listed) == 1 and (target := _beside(file.name, names)):
            yield replace(one, name=target)
        else:
            raise ValueError("it has a digest without a path, and no file has its name")


def _of_certutil(text: str, list_name: str, names: Names) -> Expected:
    """The digest in the answer of certutil for Windows: the file at the end of the first line, in
    the language of the system, then the digest. Raises ValueError."""
    first, *others = lines_of(text)
    digest = next((one for line in others if DIGEST.fullmatch(one := line.replace(" ", ""))), None)
    words = first.strip().rstrip(":").split(" ")
    ends = (" ".join(words[number:]) for number in range(len(words)))
    file = next((name for end in ends if (name := _file_named(end, list_name, names)) in names), "")
    if digest is None or not file:
        raise ValueError(f"line 1: {first!r}")
    return Expected(file, ALGORITHM_OF[len(digest)], digest.lower(), list_name)


def _rows(text: str, list_name: str, names: Names) -> Iterator[Expected]:
    """The digests in a table with one file name per row; nothing if it is none."""
    found = []
    for number, line in enumerate(lines_of(text)):
        cells = [cell.strip(" '\"") for cell in SEPARATOR.split(line)]
        digests = [cell for cell in cells if DIGEST.fullmatch(cell)]
        files = {name for cell in cells if (name := _file_named(cell, list_name, names)) in names}
        if digests and len(files) == 1:
            (name,) = files
            found += [
                Expected(name, ALGORITHM_OF[len(digest)], digest.lower(), list_name)
                for digest in digests
            ]
        elif number or digests:
            return
    yield from found


def _file_named(written: str, list_name: str, names: Names) -> str:
    """The file that a path in a list means: relative to the list, to the delivery, to the folder
    above the list, the only one in another case, or the only one with this base name."""
    base = PurePosixPath(list_name).parent
    path = written if written in names else written.replace("\\", "/")
    plain = path.removeprefix("./")
    for above in (base, PurePosixPath("."), base.parent):
        for one in (plain, plain.strip(" \t")):
            name = names.on_disk(str(above / one))
            if name in names:
                return name
    plain = plain.strip(" \t")
    if (other_case := names.in_any_case(str(base / plain))) is not None:
        return other_case
    only = names.only_one_called(plain.rpartition("/")[2])
    return only if only is not None else str(base / plain)


def _beside(list_name: str, names: Names) -> str | None:
    """The file of a sidecar: 0001.tif of 0001.tif.md5, or the only 0001 of another suffix."""
    target = list_name.rpartition(".")[0]
    if target in names:
        return target
    return names.only_with_stem(target, list_name)


def _is_sidecar(name: str, listed: list[Expected]) -> bool:
    """Whether a list is about the one file beside it."""
    return len(listed) == 1 and listed[0].name.startswith(name.rpartition(".")[0])


def _files_below(folders: set[str], files: Files) -> dict[str, list[str]]:
    """The visible files below each of these folders, found in one pass over all files."""
    found: dict[str, list[str]] = {folder: [] for folder in folders}
    for name, file in files.items():
        if not file.is_skipped:
            for above in PurePosixPath(name).parents:
                if str(above) in folders:
                    found[str(above)].append(name)
    return found


def _unlisted(
    name: str, listed: list[Expected], inside: dict[str, list[str]], lists: set[str]
) -> Iterator[Diagnostic]:
    covered = {one.name for one in listed}
    for other in inside[str(PurePosixPath(name).parent)]:
        if other not in covered and other not in lists:
            yield finding("checksum.file-unlisted", other, f"not in {name}")
