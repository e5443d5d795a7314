"""Matches the pages of a delivered METS with those of the item by the names of their files."""

from collections.abc import Sequence
from typing import Any

from processors.xml.submitted_mets import Structure, delivered_name, name_key, stem_key

Refs = dict[str, dict[str, str | None]]
"""By key of a name, the refs of its pages with the path of a file whose images are pages."""


def matched(structure: Structure, pages: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Refs by page index, matched by base name, else by base name without suffix.

    A name that several pages have does not match, unless they are images of one file, which match
    in their order."""
    exact, stems = _names(pages)
    found: dict[int, str] = {}
    used: set[str] = set()
    for number, submitted in enumerate(structure.pages):
        keys = [name_key(name) for name in submitted.names]
        refs = next((exact[key] for key in keys if key in exact), None) or {
            ref: path
            for name in submitted.names
            for ref, path in stems.get(stem_key(name), {}).items()
        }
        if len(refs) > 1 and _is_one_file(refs):
            refs = dict.fromkeys([ref for ref in refs if ref not in used][:1])
        if len(refs) == 1:
            found[number] = next(iter(refs))
            used.add(found[number])
    return found


def _names(pages: Sequence[dict[str, Any]]) -> tuple[Refs, Refs]:
    exact: Refs = {}
    stems: Refs = {}
    for page in pages:
        if page.get("file"):
            name = delivered_name(page["file"]["path"])
            # Pages that are images of one file have its path.
            path = page["file"]["path"] if page.get("image") else None
            exact.setdefault(name_key(name), {})[page["ref"]] = path
            stems.setdefault(stem_key(name), {})[page["ref"]] = path
    return exact, stems


def _is_one_file(refs: dict[str, str | None]) -> bool:
    """Whether these pages are images of the same file."""
    return None not in refs.values() and len(set(refs.values())) == 1
