"""What a witness checks before it cosigns: the log continues the last checkpoint that it saw."""

from collections.abc import Iterable

from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.merkle import ProofFailed, verify_consistency
from streams.transparency_log.note import VerifierKey
from streams.transparency_log.tiles import DamagedLog, Tiles, Tree


class NotSigned(ValueError):
    """A checkpoint without a valid signature of the log's key."""


class LogRewritten(ValueError):
    """The log no longer contains what an earlier checkpoint signed; both are the evidence."""

    def __init__(self, held: Checkpoint, offered: Checkpoint, why: str) -> None:
        super().__init__(why)
        self.held = held
        self.offered = offered
        self.why = why


def follow_keys(key: VerifierKey, kept: Iterable[Checkpoint]) -> VerifierKey:
    """The key that signs now, from a key that is trusted and the checkpoints in their order."""
    for one in kept:
        following = one.next_key
        if following is not None and key.signed(one.note) and following.signed(one.note):
            key = following
    return key


def require_signature(checkpoint: Checkpoint, key: VerifierKey) -> None:
    """Check that a checkpoint is of the key's log and signed by it. Raises NotSigned."""
    if checkpoint.origin != key.name or not key.signed(checkpoint.note):
        raise NotSigned(
            f"the checkpoint of {checkpoint.size} entries of {checkpoint.origin} is not signed"
            f" by {key}"
        )


def require_consistency(held: Checkpoint | None, offered: Checkpoint, tiles: Tiles) -> None:
    """Check that the log with these tiles continues a checkpoint. Raises LogRewritten."""
    if held is None:
        return
    sizes = f"the checkpoint of {held.size} entries"
    if offered.size < held.size:
        why = f"rolled back: the log has {offered.size} entries, {sizes} was seen before"
        raise LogRewritten(held, offered, why)
    try:
        path = Tree(tiles, offered.size).consistency(held.size)
        verify_consistency(held.size, offered.size, held.root, offered.root, path)
    except ProofFailed as bad:
        why = f"forked: the log of {offered.size} entries does not continue {sizes}"
        raise LogRewritten(held, offered, why) from bad
    except DamagedLog as bad:
        why = f"the tiles that must prove that the log continues {sizes} are damaged: {bad}"
        raise LogRewritten(held, offered, why) from bad
