"""Names the delivered files that no item contains, in the events of the accepted batch."""

from collections.abc import Iterable, Iterator

from processors.manifest import NotPackaged
from processors.page_list import canonical_json
from processors.tools import Area, Storage
from processors.wording import counted
from schemas.models import Act, FileRef

DIGESTS = "message digest calculation"
FILES_PER_EVENT = 20
BYTES_PER_EVENT = 16_000
BYTES_IN_FACT = 250_000
"""A fact is at most 512 KiB; further files are named in a list in the store."""
JSON = "application/json"


def acts_and_list(
    files: tuple[NotPackaged, ...], storage: Storage
) -> tuple[tuple[Act, ...], tuple[FileRef, ...]]:
    """Acts that name every file with its digest; a long list is kept in the store and named."""
    acts, used, named = [], 0, 0
    for group in _groups(files):
        act = _act(group)
        used += len(act.model_dump_json())
        if used > BYTES_IN_FACT:
            break
        acts.append(act)
        named += len(group)
    ordered = [one for group in _groups(files) for one in group]
    if named == len(ordered):
        return tuple(acts), ()
    content = canonical_json([one.model_dump() for one in ordered])
    kept = storage.keep(content, area=Area.RECORDS, use="not-packaged", media_type=JSON)
    return (*acts, _rest(len(ordered) - named, kept)), (kept,)


def _groups(files: Iterable[NotPackaged]) -> Iterator[list[NotPackaged]]:
    """Files of one code each, in the order of code and path, as many as one event can name."""
    group: list[NotPackaged] = []
    size = 0
    for one in sorted(files, key=lambda file: (file.code or "", file.path)):
        length = len(_named(one).encode())
        full = len(group) == FILES_PER_EVENT or size + length > BYTES_PER_EVENT
        if group and (full or group[0].code != one.code):
            yield group
            group, size = [], 0
        group.append(one)
        size += length
    if group:
        yield group


def _act(group: list[NotPackaged]) -> Act:
    return Act(
        type=DIGESTS,
        outcome="war" if group[0].code else "suc",
        code=group[0].code,
        detail=f"Delivered, but not packaged: {'; '.join(map(_named, group))}",
        sources=tuple(f"sha256:{one.sha256}" for one in group),
    )


def _named(one: NotPackaged) -> str:
    return f"{one.path} (sha256:{one.sha256}, {counted(one.size_bytes, 'byte')}): {one.found}"


def _rest(count: int, kept: FileRef) -> Act:
    return Act(
        type=DIGESTS,
        outcome="war",
        code="file.left-out",
        detail=f"Delivered, but not packaged: {counted(count, 'more file')}, named in {kept.key}",
        sources=(f"sha256:{kept.sha256}",),
    )
