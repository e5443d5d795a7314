"""Signs the size and root of the log again and again, keeps them, and publishes them."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from streams.runtime.run_loop import CannotContinue
from streams.sealer.record_proofs import proof_key
from streams.transparency_log.checkpoint import (
    Checkpoint,
    ForkRefused,
    require_continuation,
)
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.continuation import continuations
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import SignerKey
from streams.transparency_log.tiles import DamagedLog

log = logging.getLogger(__name__)

EVERY_EVENTS = 256
EVERY_SECONDS = 0.3
"""Less than the sealer waits for a batch, so that steady events need not wait for the next one."""
PROVEN = 2
"""From so many checkpoints before it each one is proven, so that one of them may be lost."""
PROVEN_AT_START = 16
"""The broker may have lost the newest ones in a power cut."""


class Publisher(Protocol):
    """Where witnesses find checkpoints."""

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        """Send the checkpoint of a size, with the proofs that it continues earlier ones."""

    def close(self) -> None:
        """Wait until they are there."""


class Checkpoints:
    """The checkpoints of one log. None contradicts an earlier one."""

    def __init__(
        self,
        files: CheckpointFiles,
        signer: SignerKey,
        publisher: Publisher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files, self._signer = files, signer
        self._publisher, self._clock = publisher, clock
        self._signed_at = float("-inf")
        self._sent: list[int] = []
        """The sizes from which the next one is proven."""

    @property
    def newest(self) -> Checkpoint | None:
        """The last one, if there is one."""
        return self._files.newest

    @property
    def name(self) -> str:
        """The name of the log, which all its keys have."""
        return self._signer.name

    @property
    def key(self) -> str:
        """The public key that signs now."""
        return str(self._signer.verifier)

    def proof_key(self) -> bytes:
        """The key of the proofs about records, which follows from the key that signs now."""
        return proof_key(self._signer)

    def check(self, store: LogStore) -> None:
        """Raises CannotContinue if the log on disk does not have what was signed."""
        try:
            require_continuation(store, self._files.newest)
        except ForkRefused as fork:
            raise _refusal(store, fork) from None

    def sign_if_due(self, store: LogStore, now: bool = False) -> Checkpoint | None:
        """A checkpoint, if there are new events and the last one is old or small enough. Raises
        CannotContinue if it would contradict the last one."""
        newest = self._files.newest
        added = store.size - (newest.size if newest else 0)
        is_due = added >= EVERY_EVENTS or self._clock() - self._signed_at >= EVERY_SECONDS
        if added <= 0 or not (is_due or now):
            return None
        return self._sign(store)

    def name_topic(self, store: LogStore, topic: str) -> None:
        """Sign a checkpoint that names a topic; those after it name it, too. Raises
        CannotContinue."""
        self._sign(store, topic=topic)

    def hand_over(self, store: LogStore, following: SignerKey) -> Checkpoint:
        """Sign the last checkpoint of the present key; `following` signs from here on. Raises
        CannotContinue."""
        checkpoint = self._sign(store, following)
        self._signer = following
        return checkpoint

    def _sign(
        self, store: LogStore, following: SignerKey | None = None, topic: str | None = None
    ) -> Checkpoint:
        try:
            checkpoint = publish(store, self._files, self._signer, following, topic)
        except ForkRefused as fork:
            raise _refusal(store, fork) from None
        self._signed_at = self._clock()
        self._send(store, checkpoint)
        return checkpoint

    def publish_newest(self, store: LogStore) -> None:
        """Send the newest checkpoint again, in case that the broker does not have it."""
        if newest := self._files.newest:
            self._sent = [one.size for one in self._files.last(PROVEN_AT_START)]
            self._send(store, newest)

    def _send(self, store: LogStore, checkpoint: Checkpoint) -> None:
        earlier = sorted({size for size in self._sent if size < checkpoint.size})
        try:
            proofs = continuations(store.tree(checkpoint.size), earlier)
        except DamagedLog as damaged:
            # `audit verify` names the tile. A witness of the topic reports that there is no proof.
            log.error("no proof for witnesses", extra={"found": str(damaged)})
            proofs = b""
        self._publisher.publish(checkpoint.size, checkpoint.encode(), proofs)
        self._sent = [*self._sent, checkpoint.size][-PROVEN:]

    def close(self, store: LogStore) -> None:
        """Sign what is not signed yet, and wait until it is published."""
        self.sign_if_due(store, now=True)
        self._publisher.close()


def _refusal(store: LogStore, fork: ForkRefused) -> CannotContinue:
    return CannotContinue(
        f"the log in {store.folder} is not what its checkpoint signed: {fork}. Nothing is sealed."
        " Restore the folder from a backup, and keep this one as evidence."
    )
