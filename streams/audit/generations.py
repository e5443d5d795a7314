"""The generations of the topic with the sealed records: their names, and which one is in use."""

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from schemas.catalogue import AUDIT_PREMIS
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.checkpoint_files import read_all
from streams.transparency_log.export import newest_checkpoint
from streams.transparency_log.note import BadNote

LOG = Path("audit", "log")
"""The folder of the sealed log in a home."""


def topic_in_use(log: Path, first: str = AUDIT_PREMIS.name) -> str:
    """The topic that the newest intact checkpoint of a log names, or the first one."""
    found = first
    try:
        return topic_of(newest_checkpoint(log), first)
    except FileNotFoundError:
        return first
    except BadNote:
        # The sealer writes this file again from the kept ones, and refuses a log without them.
        with suppress(BadNote):
            for one in read_all(log):
                found = topic_of(one, first)
        return found


def topic_of(checkpoint: Checkpoint | None, first: str) -> str:
    """The topic that a checkpoint names, or the first one. Raises BadNote if it names a topic that
    is not a generation of the first one."""
    named = checkpoint.topic if checkpoint else None
    if named is None:
        return first
    if _number(named, first) is None:
        raise BadNote(f"the checkpoint names the topic {named!r}, which is not one of {first}")
    return named


def next_topic(first: str, used: Collection[str]) -> str:
    """The name of the generation after those that exist. The second one ends with .g2."""
    numbers = [number for name in used if (number := _number(name, first)) is not None]
    return f"{first}.g{max(numbers, default=1) + 1}"


def is_later(name: str, than: str) -> bool:
    """Whether a topic is a later generation of the same topic as another one."""
    first = re.sub(r"\.g[0-9]+$", "", than)
    return (_number(name, first) or 0) > (_number(than, first) or 0)


def _number(name: str, first: str) -> int | None:
    if name == first:
        return 1
    found = re.fullmatch(re.escape(first) + r"\.g([1-9][0-9]{0,5})", name)
    return int(found[1]) if found else None
