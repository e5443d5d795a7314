"""The sealed events from which the projection is made again: only those that verify."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from streams.audit.sealed_record import SealedRecord, record_of
from streams.transparency_log import verifier
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.log_keys import read_public_keys
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records


class NotVerified(Exception):
    """The source does not have the events as they were sealed; the text names the first one."""


class KeyRequired(Exception):
    """Nothing says which key the export must be signed with."""


def from_topic(tree: Tree, on_topic: Iterable[tuple[int, bytes]]) -> Iterator[SealedRecord]:
    """All events of a log as the topic has them, read from its first offset; `on_topic` gives seq
    and leaf of each intact record. Raises NotVerified, DamagedLog."""
    expected = tree.leaves()
    wanted, seq = next(expected, None), 0
    for found_seq, leaf in on_topic:
        if wanted is not None and found_seq == seq and leaf == wanted:
            yield record_of(leaf)
            wanted, seq = next(expected, None), seq + 1
    if wanted is not None:
        raise NotVerified(f"seq {seq}: the topic does not have this event as it was sealed")


def from_export(export: Path, log: Path, key: str | None) -> Iterator[SealedRecord]:
    """All events of an export, which is verified first. It must be of the same log as `log`, if
    that exists, or else be signed by `key`. Raises KeyRequired, NotVerified, DamagedLog, BadNote,
    FileNotFoundError."""
    known = [str(one.key) for one in read_public_keys(log)[:1]]
    keys = [key] if key else known
    if not keys:
        raise KeyRequired(f"{log} has no key")
    found = verifier.check_log(export, keys, [], verifier.libcrypto())
    if not found.ok:
        raise NotVerified(f"seq {found.first_bad}: {found.why}")
    tree = Tree(static_tiles(export), found.size)
    if known:
        _require_same(tree, log)
    return records(tree)


def _require_same(exported: Tree, log: Path) -> None:
    """Raises NotVerified unless the log continues the export."""
    present = newest_checkpoint(log)
    if exported.size > present.size:
        raise NotVerified(
            f"seq {present.size}: the export has {exported.size} events, and the log {present.size}"
        )
    if Tree(static_tiles(log), present.size).root(exported.size) != exported.root():
        raise NotVerified("seq 0: the log has other events than the export")
