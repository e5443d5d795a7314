"""The signing key of the sealer and its checkpoints on the topic for witnesses."""

import logging
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer

from infra.files import DamagedFile, fsync_folder
from streams.audit.sealed_record import Headers
from streams.runtime.run_loop import CannotContinue
from streams.sealer.checkpoints import Checkpoints, Publisher
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.checkpoint_files import CheckpointFiles, read_all
from streams.transparency_log.log_keys import (
    PublicKey,
    create_private_key,
    keys_after,
    read_private_key,
    read_public_keys,
    write_public_keys,
)
from streams.transparency_log.note import BadNote, SignerKey

log = logging.getLogger(__name__)

FOLDER = "log"
"""The folder of the log in the folder audit of a home."""
KEY_FILE = "sealer.key"
CONTINUATION = "consistency"
"""The header with the proofs that the log of a checkpoint continues earlier ones."""
NEXT_KEY_FILE = "sealer.key.next"
"""Present while the key is being replaced."""
ORIGIN = "copystand/"
FLUSH_SECONDS = 5


class SigningKeys:
    """The keys of a home's log: the private one in run/, the public ones in keys.json.

    A change of keys is decided by the checkpoint that names the next key. What a crash leaves
    undone after it is completed when the keys are opened."""

    def __init__(self, home: Path) -> None:
        self._run, self._log = home / "run", home / "audit" / FOLDER

    def open(self, newest: Checkpoint | None) -> SignerKey:
        """The key that signs after the newest checkpoint; the first time, it is made. Raises
        CannotContinue, DamagedFile, BadNote."""
        known = read_public_keys(self._log)
        if not known:
            return self._first(newest.origin if newest else f"{ORIGIN}{uuid4()}")
        if newest is not None:
            self.complete(newest)
            known = read_public_keys(self._log)
        signer = create_private_key(self._run / KEY_FILE, known[0].key.name)
        if signer.verifier != known[-1].key:
            raise self._wrong_key()
        return signer

    def following(self, name: str) -> SignerKey:
        """The key that is to sign next; it is made unless an interrupted change has made it."""
        return create_private_key(self._run / NEXT_KEY_FILE, name)

    def complete(self, newest: Checkpoint) -> None:
        """Put the key that the newest checkpoint names in the place of the present one."""
        if newest.next_key is None:
            return
        known = read_public_keys(self._log)
        if (keys := keys_after(known, newest)) != known:
            write_public_keys(self._log, keys)
        with suppress(FileNotFoundError):
            if read_private_key(self._run / NEXT_KEY_FILE, newest.origin).verifier == (
                newest.next_key
            ):
                (self._run / NEXT_KEY_FILE).replace(self._run / KEY_FILE)
                fsync_folder(self._run)

    def _first(self, name: str) -> SignerKey:
        """The only key of a log without keys.json."""
        signer = create_private_key(self._run / KEY_FILE, name)
        kept = list(read_all(self._log))
        if any(not signer.verifier.signed(one.note) or one.next_key for one in kept):
            raise self._wrong_key()
        write_public_keys(self._log, [PublicKey(signer.verifier, 0)])
        return signer

    def _wrong_key(self) -> CannotContinue:
        return CannotContinue(
            f"the key in run/{KEY_FILE} is not the one of {self._log}/keys.json. Nothing is sealed."
            " Restore both from the same backup."
        )


def open_checkpoints(home: Path, publisher: Publisher) -> Checkpoints:
    """The checkpoints of a home; the first time, its key is made. Raises CannotContinue."""
    try:
        files = CheckpointFiles(home / "audit" / FOLDER)
        return Checkpoints(files, SigningKeys(home).open(files.newest), publisher)
    except (DamagedFile, BadNote) as damaged:
        raise CannotContinue(str(damaged)) from None


class CheckpointTopic:
    """Publishes checkpoints with their size as key. One that is lost is followed by the next."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        """Send a checkpoint and do not wait for the broker."""
        headers: Headers = [(CONTINUATION, proofs)]
        key = str(size).encode()
        try:
            self._producer.produce(self._topic, checkpoint, key, partition=0, headers=headers)
            self._producer.poll(0)
        except BufferError:
            log.warning("checkpoint not published", extra={"size": size})

    def close(self) -> None:
        """Wait a while for those that the broker does not have yet."""
        self._producer.flush(FLUSH_SECONDS)
