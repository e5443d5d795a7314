"""Converts the validation errors of pydantic to diagnostics."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from processors.error_catalogue import entries
from processors.rules.codes import finding
from processors.wording import counted
from schemas.models import Diagnostic

EXPECTED = {
    "string_type": "text",
    "int_type": "an integer",
    "tuple_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
}
MISSING = {
    "items": "`items`, a list with the item_id and the pages of each item",
    "pages": "`pages`, a list with the sequence and the file of each page",
    "checksums": "`checksums` with `manifest_sha256`, the digest of the manifest body",
    "file_count": "`file_count`, the number of files listed, records included",
    "file": "`file` with path, sha256 and size_bytes",
}
REPORTED_ELSEWHERE = "string_unicode"
"""Unpaired surrogates have a code of their own, manifest.text-broken."""
ALIASES = {"schema_": "schema"}


def location_text(location: tuple[int | str, ...]) -> str:
    """A location as text, such as `items[0].pages[2].file.sha256`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{ALIASES.get(part, part)}"
    return text.removeprefix(".")


def shape_findings(
    wrong: ValidationError, above: tuple[int | str, ...] = ()
) -> Iterator[Diagnostic]:
    """A diagnostic for each error; `above` is the location of the validated part."""
    for error in wrong.errors(include_url=False):
        if error["type"] == REPORTED_ELSEWHERE:
            continue
        yield _diagnostic(location_text((*above, *error["loc"])), error)


def _diagnostic(where: str, error: Any) -> Diagnostic:
    kind, context = str(error["type"]), error.get("ctx") or {}
    given = _without_name(where, error["input"])
    if kind in entries():
        return finding(kind, where, given)
    if kind == "missing":
        name = where.rpartition(".")[2]
        field = MISSING.get(name, f"`{name}`")
        return finding("manifest.field-missing", where, "the field is missing", field=field)
    if kind == "extra_forbidden":
        return finding("manifest.field-unknown", where, error["input"])
    if kind in EXPECTED:
        return finding("manifest.field-wrong-type", where, given, expected=EXPECTED[kind])
    limits = ", ".join(f"{name} {limit}" for name, limit in sorted(context.items()))
    expected = f"{error['msg']} ({limits})" if limits else str(error["msg"])
    return finding("manifest.field-out-of-range", where, given, expected=expected)


def _without_name(where: str, value: object) -> object:
    """What a field has, unless it may be the name of a person: a finding is in the log for ever."""
    if where.partition(".")[0] != "operator":
        return value
    return f"{counted(len(str(value)), 'character')}, not repeated here"
