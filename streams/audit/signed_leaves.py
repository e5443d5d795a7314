"""The leaves that the newest checkpoint of a log signs, to compare the topic with them."""

from contextlib import suppress
from pathlib import Path

from streams.audit.generations import topic_in_use
from streams.audit.sealed_record import SealedRecord
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.merkle import leaf_hash
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import Tree


class NotSignedYet(Exception):
    """No checkpoint covers the record yet."""


class SignedLeaves:
    """The leaves of a log's folder. Follows its checkpoints."""

    def __init__(self, folder: Path, first_topic: str) -> None:
        self._folder, self._first_topic = folder, first_topic
        self._tree = Tree(static_tiles(folder), 0)

    @property
    def exist(self) -> bool:
        """Whether this machine has the log."""
        return self._folder.is_dir()

    @property
    def size(self) -> int:
        """How many leaves the newest intact checkpoint signs; 0 without one."""
        with suppress(BadNote):
            self._follow()
        return self._tree.size

    def topic(self) -> str:
        """The topic that the newest intact checkpoint names."""
        return topic_in_use(self._folder, self._first_topic)

    def has(self, record: SealedRecord) -> bool:
        """Whether a record is what was sealed under its seq; true without a log to compare with.
        Raises NotSignedYet, DamagedLog, BadNote."""
        return self.has_leaf(record.seal.seq, record.leaf)

    def has_leaf(self, seq: int, leaf: bytes) -> bool:
        """As `has`, of the leaf of a record."""
        if seq >= self._tree.size:
            if not self.exist:
                return True
            self._follow()
        if seq >= self._tree.size:
            raise NotSignedYet(f"no checkpoint covers seq {seq} yet")
        return self._tree.leaf_hash(seq) == leaf_hash(leaf)

    def _follow(self) -> None:
        try:
            size = newest_checkpoint(self._folder).size
        except FileNotFoundError:
            return
        if size > self._tree.size:
            self._tree = Tree(static_tiles(self._folder), size)
