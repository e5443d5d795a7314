"""Manifests that are wrong, and those that try what a reader of JSON can be made to do."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.hostile.case import PROCESSED, Hostile
from tests.support.deliveries import a_manifest, an_item, sealed

Change = Callable[[dict[str, Any]], None]
Json = Any
WRONG: tuple[Json, ...] = (None, True, -1, 2**70, 1.5, "", "x" * 70_000, [], {}, [[]], "\u202e")
"""Put where each field's value belongs."""
PLACES: dict[str, tuple[str | int, ...]] = {
    "batch_id": ("batch_id",),
    "items": ("items",),
    "an item": ("items", 0),
    "pages": ("items", 0, "pages"),
    "a page's file": ("items", 0, "pages", 0, "file"),
    "a digest": ("items", 0, "pages", 0, "file", "sha256"),
    "a size": ("items", 0, "pages", 0, "file", "size_bytes"),
}
LEFT_ALONE = {("a size", 2**70), ("items", "x" * 70_000)}
NAMES = (
    "../../../etc/passwd",
    "/etc/passwd",
    "a/../../b.tif",
    "..\\..\\windows\\win.ini",
    "C:\\boot.ini",
    "\\\\server\\share\\x",
    "a\0.tif",
    "a\n.tif",
    "a//b.tif",
    "./a.tif",
    "a/./b.tif",
    "a/",
    "x" * 5000,
    "a" * 300 + "/b.tif",
    "a:b",
    "\ufeff.tif",
    "",
    ".",
    "..",
)
ODD_NAMES = ("~root/x", "CON", "aux.tif", "trailing. ")
"""A path is a name that is kept, and nothing is ever written under it."""
BROKEN_NAMES = frozenset(
    {
        "file.name-unsafe",
        "manifest.text-broken",
        "manifest.field-out-of-range",
        "file.path-duplicate",
    }
)


def manifests() -> Iterator[Hostile]:
    """All of them, the same every time."""
    yield from _documents()
    yield from _values()
    yield from _names()
    yield from _contradictions()


def _documents() -> Iterator[Hostile]:
    whole = json.dumps(a_manifest())
    texts: dict[str, bytes] = {
        "no bytes": b"",
        "blanks": b" \n\t ",
        "a NUL": b"\0",
        "a list": b"[]",
        "a number": b"17",
        "cut": whole[:-40].encode(),
        "twice": (whole + whole).encode(),
        "UTF-16": whole.encode("utf-16"),
        "Latin-1": whole.replace("Psalter", "Psält").encode("latin-1"),
        "NaN": whole.replace('"file_count": 4', '"file_count": NaN').encode(),
        "infinity": whole.replace('"file_count": 4', '"file_count": -Infinity').encode(),
        "a number of 400 digits": whole.replace(
            '"file_count": 4', f'"file_count": 1{"0" * 400}'
        ).encode(),
        "a number of 10,000 digits": whole.replace(
            '"file_count": 4', f'"file_count": {"9" * 10_000}'
        ).encode(),
        "1e999": whole.replace('"file_count": 4', '"file_count": 1e999').encode(),
        "lists nested 100,000 deep": b"[" * 100_000,
        "objects nested 5,000 deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        "nested 40 deep inside": whole.replace('"Psalter"', "[" * 40 + "]" * 40).encode(),
        "half a character": whole.replace("Psalter", "\\ud800").encode(),
        "an escaped NUL": whole.replace("Psalter", "\\u0000").encode(),
        "a key twice": whole.replace(
            '"file_count": 4', '"file_count": 4, "file_count": 5'
        ).encode(),
        "a comment": b"/* hello */" + whole.encode(),
        "100,000 keys": json.dumps({f"k{n}": n for n in range(100_000)}).encode(),
        "XML": b"<?xml version='1.0'?><manifest/>",
    }
    for name, content in texts.items():
        yield Hostile(
            "manifest document", f"manifest, {name}", content, "manifest.json", EVERY_FIELD
        )


EVERY_FIELD = frozenset(
    {
        *("manifest.field-missing", "manifest.field-wrong-type", "manifest.field-out-of-range"),
        *("manifest.field-unknown", "manifest.file-count-mismatch", "manifest.digest-mismatch"),
    }
)
ANY_VALUE = EVERY_FIELD | {
    *("batch.id-malformed", "batch.id-mismatch", "batch.without-items", "item.without-pages"),
    *("page.file-missing", "file.sha256-malformed", "file.empty", "file.size-mismatch"),
    *("batch.page-missing", "manifest.text-broken"),
}


def _values() -> Iterator[Hostile]:
    for place, path in PLACES.items():
        for number, value in enumerate(WRONG):
            body = a_manifest()
            at: Any = body
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value
            del body["checksums"]
            name = f"manifest, {place}: value {number}"
            yield _manifest(name, body, ANY_VALUE)


def _manifest(name: str, body: dict[str, Any], fitting: frozenset[str]) -> Hostile:
    content = json.dumps(sealed(body)).encode()
    return Hostile("manifest", name, content, "manifest.json", fitting)


def _names() -> Iterator[Hostile]:
    for number, unsafe in enumerate((*NAMES, *ODD_NAMES)):
        body = a_manifest()
        body["items"][0]["pages"][0]["file"]["path"] = unsafe
        del body["checksums"]
        fitting = BROKEN_NAMES | {PROCESSED} if unsafe in ODD_NAMES else BROKEN_NAMES
        yield _manifest(f"manifest, path {number}: {unsafe[:20]!r}", body, fitting)
    for one, other in (("vol/\u00e9.tif", "vol/e\u0301.tif"), ("vol/A.tif", "vol/a.tif")):
        body = a_manifest()
        for page, path in zip(body["items"][0]["pages"], (one, other), strict=False):
            page["file"]["path"] = path
        del body["checksums"]
        # Names that one file system holds apart and another does not.
        yield _manifest(f"manifest, paths {one!r} and {other!r}", body, BROKEN_NAMES | {PROCESSED})


def _contradictions() -> Iterator[Hostile]:
    def changed(name: str, change: Change, *codes: str) -> Hostile:
        body = a_manifest(an_item("vol-1"))
        change(body)
        body.pop("checksums", None)
        return _manifest(f"manifest, {name}", body, frozenset(codes))

    def page(body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = body["items"][0]["pages"][0]
        return found

    yield changed(
        "a page that never came",
        lambda b: page(b)["file"].update(sha256="ab" * 32),
        "batch.page-missing",
    )
    yield changed(
        "another size", lambda b: page(b)["file"].update(size_bytes=5), "file.size-mismatch"
    )
    yield changed(
        "a digest in capitals",
        lambda b: page(b)["file"].update(sha256="AB" * 32),
        "file.sha256-malformed",
    )
    yield changed(
        "a digest that leads out",
        lambda b: page(b)["file"].update(sha256="../" * 21 + "x"),
        "file.sha256-malformed",
    )
    yield changed(
        "a record that never came",
        lambda b: b["items"][0]["metadata"][0]["file"].update(sha256="cd" * 32),
        "batch.record-missing",
    )
    yield changed(
        "a count of a billion", lambda b: b.update(file_count=10**9), "manifest.file-count-mismatch"
    )
    yield changed(
        "a profile that leads out",
        lambda b: b.update(scanner_profile="../../etc/passwd"),
        "profile.unknown",
    )
    yield changed(
        "a rush of its own", lambda b: b.update(priority="at once"), "batch.priority-unknown"
    )
    yield changed(
        "the year 99999",
        lambda b: b.update(not_before="99999-01-01T00:00:00Z"),
        "batch.not-before-malformed",
    )
    yield changed(
        "a name for an operator",
        lambda b: b.update(operator="Hans; DROP TABLE"),
        "person.not-a-pseudonym",
    )
    yield changed(
        "a language that is an option",
        lambda b: b["items"][0].update(languages=["--tessdata-dir=/"]),
        "language.unknown",
    )
    yield changed(
        "the same item twice",
        lambda b: b["items"].append(b["items"][0]),
        "manifest.file-count-mismatch",
    )
    yield changed(
        "an item id that leads out",
        lambda b: b["items"][0].update(item_id="../x"),
        "item.id-malformed",
    )
    yield changed(
        "an item that is part of itself",
        lambda b: b["items"][0].update(part_of="vol-1"),
        "item.part-of-itself",
    )
    yield changed(
        "a ref that leads out", lambda b: page(b).update(ref="../../x"), "page.ref-malformed"
    )
    yield changed(
        "sequence nought", lambda b: page(b).update(sequence=0), "manifest.field-out-of-range"
    )
    yield changed(
        "2,000 labels", lambda b: page(b).update(labels=["l"] * 2000), "manifest.field-out-of-range"
    )
    yield changed(
        "a link for rights",
        lambda b: b["items"][0].update(rights={"uri": "javascript:alert(1)"}),
        PROCESSED,
        "rights.uri-malformed",
    )
