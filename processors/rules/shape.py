"""What pydantic found wrong with a manifest's shape, in our codes and places."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from processors.rules.codes import CODES, finding
from schemas.models import Diagnostic

EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
}
MISSING = {
    "items": "List the items, each with its item_id and its pages (docs/manifest.md).",
    "pages": "List the item's pages, each with its sequence and file (docs/manifest.md).",
    "checksums": "Add checksums with manifest_sha256, the digest of the body (docs/manifest.md).",
    "file_count": "Give the number of files listed, records included.",
    "file": "Name the file: path, sha256, size_bytes.",
}
TOLD_ALREADY = "string_unicode"
"""Half characters: manifest.text-broken has them."""
ALIASES = {"schema_": "schema"}


def place(location: tuple[int | str, ...]) -> str:
    """Where in the document: `items[0].pages[2].file.sha256`."""
    written = ""
    for part in location:
        written += f"[{part}]" if isinstance(part, int) else f".{ALIASES.get(part, part)}"
    return written.removeprefix(".")


def shape_findings(
    wrong: ValidationError, above: tuple[int | str, ...] = ()
) -> Iterator[Diagnostic]:
    """One diagnostic for each error; `above` is where the part that was read stands."""
    for error in wrong.errors(include_url=False):
        if error["type"] == TOLD_ALREADY:
            continue
        yield _diagnostic(place((*above, *error["loc"])), error)


def _diagnostic(where: str, error: Any) -> Diagnostic:
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in CODES:
        return finding(kind, where, error["input"])
    if kind == "missing":
        missing = finding("manifest.field-missing", where, "the field is missing")
        fix = MISSING.get(str(error["loc"][-1]), missing.fix)
        return missing.model_copy(update={"fix": fix})
    if kind == "extra_forbidden":
        return finding("manifest.field-unknown", where, error["input"])
    if kind in EXPECTED:
        return finding("manifest.field-wrong-type", where, error["input"], expected=EXPECTED[kind])
    limits = ", ".join(f"{name} {limit}" for name, limit in sorted(context.items()))
    expected = f"{error['msg']} ({limits})" if limits else str(error["msg"])
    return finding("manifest.field-out-of-range", where, error["input"], expected=expected)
