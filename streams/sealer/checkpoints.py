"""Signs the size and root of the log again and again, keeps them, and publishes them."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from streams.runtime.run_loop import CannotContinue
from streams.transparency_log.checkpoint import (
    Checkpoint,
    ForkRefused,
    require_continuation,
)
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import SignerKey

log = logging.getLogger(__name__)

EVERY_EVENTS = 256
EVERY_SECONDS = 1.0


class Publisher(Protocol):
    """Where witnesses find checkpoints."""

    def publish(self, size: int, checkpoint: bytes) -> None:
        """Send the checkpoint of a size."""

    def close(self) -> None:
        """Wait until they are there."""


class Checkpoints:
    """The checkpoints of one log. None contradicts an earlier one."""

    def __init__(
        self,
        folder: Path,
        signer: SignerKey,
        publisher: Publisher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files, self._signer = CheckpointFiles(folder), signer
        self._publisher, self._clock = publisher, clock
        self._signed_at = float("-inf")

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
        try:
            checkpoint = publish(store, self._files, self._signer)
        except ForkRefused as fork:
            raise _refusal(store, fork) from None
        self._signed_at = self._clock()
        self._publisher.publish(checkpoint.size, checkpoint.encode())
        return checkpoint

    def close(self, store: LogStore) -> None:
        """Sign what is not signed yet, and wait until it is published."""
        self.sign_if_due(store, now=True)
        self._publisher.close()


def _refusal(store: LogStore, fork: ForkRefused) -> CannotContinue:
    return CannotContinue(
        f"the log in {store.folder} is not what its checkpoint signed: {fork}. Nothing is sealed."
        " Restore the folder from a backup, and keep this one as evidence."
    )
