"""The journal of the sealed log: compared with the tree, and read for events behind it."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.journal import read_journal
from streams.transparency_log.tiles import Tree

JOURNAL = "journal"
SECONDS, PAUSE_SECONDS = 5.0, 0.2
EVENT_ID = slice(49, 85)
"""Of a leaf: the body begins behind the seal, with the length and the text of the event's id."""


def event_id_of(leaf: bytes) -> str:
    """The id of the event in a leaf."""
    return leaf[EVENT_ID].decode("utf-8", "replace")


def journal_problem(folder: Path, tree: Tree) -> tuple[int, str] | None:
    """The first entry that the sealer would not find when it starts again, and why."""
    found = read_journal(folder / JOURNAL)
    if found is None:
        return 0, f"{JOURNAL}/ has no journal; the sealer would not start"
    first, leaves = found
    for index, leaf in zip(range(first, tree.size), leaves, strict=False):
        if leaf != tree.leaf(index):
            return index, "the journal has another entry than the log"
    if first + len(leaves) < tree.size:
        return first + len(leaves), "the journal ends before it; the sealer would not start"
    return None


def later_leaves(folder: Path, start: int, last: int, seconds: float | None = None) -> list[bytes]:
    """The leaves from an index on, up to the last one that is wanted, if the log has it.

    An event is on the topic a moment before it is in the log, so this waits for a while."""
    wanted = max(0, last + 1 - start)
    deadline = time.monotonic() + (SECONDS if seconds is None else seconds)
    while True:
        leaves = list(islice(_from(folder, start), wanted))
        if len(leaves) == wanted or time.monotonic() > deadline:
            return leaves
        time.sleep(PAUSE_SECONDS)


def _from(folder: Path, start: int) -> Iterator[bytes]:
    size = max(start, newest_checkpoint(folder).size)
    yield from Tree(static_tiles(folder), size).leaves(start)
    first, leaves = read_journal(folder / JOURNAL) or (size, [])
    if first <= size:
        yield from leaves[size - first :]
