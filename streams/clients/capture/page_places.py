"""The order of the pages of an item: by their refs, inserted pages behind the page they follow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.scan import natural

BEGINNING = ""
"""What a page follows that was inserted before the first one."""


def in_order(records: Iterable[CaptureRecord]) -> list[CaptureRecord]:
    """Records in the order of their pages."""
    ordered = sorted(records, key=lambda one: natural(one.ref))
    refs = {one.ref for one in ordered}
    inserted: dict[str, list[CaptureRecord]] = defaultdict(list)
    for one in ordered:
        if one.follows == BEGINNING or (one.follows in refs and one.follows != one.ref):
            inserted[str(one.follows)].append(one)
    placed = {one.ref for behind in inserted.values() for one in behind}
    top = [*reversed(inserted[BEGINNING]), *(one for one in ordered if one.ref not in placed)]
    found = [one for each in top for one in _with_inserted(each, inserted)]
    # A circle of damaged records is in no part of the order above.
    missing = {one.ref for one in found} ^ refs
    return [*found, *(one for one in ordered if one.ref in missing)]


def _with_inserted(
    record: CaptureRecord, inserted: dict[str, list[CaptureRecord]]
) -> Iterator[CaptureRecord]:
    """A page and all behind it. The page that was inserted last is directly behind it."""
    waiting = [record]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += inserted.get(one.ref, ())


def before(records: list[CaptureRecord], ref: str) -> str:
    """What a page has to follow to be directly before the page with this ref."""
    refs = [one.ref for one in records]
    at = refs.index(ref)
    return refs[at - 1] if at else BEGINNING
