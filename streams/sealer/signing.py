"""The signing key of the sealer and its checkpoints on the topic for witnesses."""

import logging
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer

from infra.files import DamagedFile
from streams.runtime.run_loop import CannotContinue
from streams.sealer.checkpoints import Checkpoints, Publisher
from streams.transparency_log.export import newest_checkpoint
from streams.transparency_log.log_keys import (
    PublicKey,
    create_private_key,
    read_public_keys,
    write_public_keys,
)
from streams.transparency_log.note import BadNote, SignerKey

log = logging.getLogger(__name__)

FOLDER = "log"
"""The folder of the log in the folder audit of a home."""
KEY_FILE = "sealer.key"
ORIGIN = "copystand/"
FLUSH_SECONDS = 5


def open_checkpoints(home: Path, publisher: Publisher) -> Checkpoints:
    """The checkpoints of a home; the first time, its key is made. Raises CannotContinue."""
    folder = home / "audit" / FOLDER
    try:
        return Checkpoints(folder, _signer(home, folder), publisher)
    except (DamagedFile, BadNote) as damaged:
        raise CannotContinue(str(damaged)) from None


def _signer(home: Path, folder: Path) -> SignerKey:
    known = read_public_keys(folder)
    name = known[0].key.name if known else _origin(folder)
    signer = create_private_key(home / "run" / KEY_FILE, name)
    if not known:
        write_public_keys(folder, [PublicKey(signer.verifier, 0)])
    elif signer.verifier != known[-1].key:
        raise CannotContinue(
            f"the key in run/{KEY_FILE} is not the one of {folder}/keys.json. Nothing is sealed."
            " Restore both from the same backup."
        )
    return signer


def _origin(folder: Path) -> str:
    """The name of a log without keys.json: that of its checkpoint, or a new one."""
    try:
        return newest_checkpoint(folder).origin
    except FileNotFoundError:
        return f"{ORIGIN}{uuid4()}"


class CheckpointTopic:
    """Publishes checkpoints with their size as key. One that is lost is followed by the next."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def publish(self, size: int, checkpoint: bytes) -> None:
        """Send a checkpoint and do not wait for the broker."""
        try:
            self._producer.produce(self._topic, checkpoint, str(size).encode(), partition=0)
            self._producer.poll(0)
        except BufferError:
            log.warning("checkpoint not published", extra={"size": size})

    def close(self) -> None:
        """Wait a while for those that the broker does not have yet."""
        self._producer.flush(FLUSH_SECONDS)
