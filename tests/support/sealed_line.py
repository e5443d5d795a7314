"""A log that is sealed and projected on real servers, to check it and to change it."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Message

from infra.postgres import SUPERUSER
from streams.audit.generations import topic_in_use
from streams.audit.sealed_record import SealedRecord
from streams.storage.memory import MemoryStorage
from streams.transparency_log.log_keys import read_public_keys
from streams.verification.audit_export import write_export
from streams.verification.log_files import later_leaves
from streams.verification.rebuild_sources import from_export, from_topic
from streams.verification.sealed_comparison import (
    SealedTree,
    records,
    verify_log,
)
from streams.verification.topic_comparison import TopicComparison, compare
from streams.verification.topic_records import committed_messages, intact_records
from streams.verification.witness_folder import Seen, fetch_from, witness
from tests.support.audit_log import (
    Log,
    a_log,
    deliveries,
    fresh_projection,
    projected,
    read_committed,
    until,
)
from tests.support.parts import Parts

EVENTS = 600


@dataclass(frozen=True)
class Sealed:
    """A log that is projected; sealer and projector have ended."""

    log: Log
    parts: Parts

    @property
    def folder(self) -> Path:
        """The folder of the sealed log."""
        return self.log.home / "audit" / "log"

    def tree(self) -> SealedTree:
        """The tree of the log, which is intact."""
        tree, faults = verify_log(self.folder)
        assert faults == []
        return tree

    @property
    def topic(self) -> str:
        """The topic in use."""
        return topic_in_use(self.folder, self.log.line.premis)

    def topic_faults(self) -> list[int]:
        """The first event that `audit verify` names for the topic, if there is one."""
        tree = self.tree().tree
        later = partial(later_leaves, self.folder, tree.size)
        with closing(committed_messages(self.parts.kafka, self.topic)) as messages:
            found = compare(messages, TopicComparison(self.topic, tree, later))
        return [found[0]] if found else []

    def wait_for_rows(self, count: int) -> None:
        """Wait until the tables have so many events."""
        state = (self.log.home / "role.log").read_text
        until(lambda: projected(self.parts) >= count, 60, lambda: state()[-3000:])

    def intake(self) -> list[Message]:
        """Every record of the intake."""
        return list(read_committed(self.parts.kafka, self.log.line.intake))

    def witness(self, folder: Path) -> Seen:
        """What a witness with a folder sees."""
        return witness(fetch_from(str(self.folder)), folder, "witness/auditor")

    def verified_export(self, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """What the verifier of an export answers; the export is written the first time."""
        if not folder.exists():
            write_export(self.folder, folder, None, MemoryStorage(folder.parent))
        command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *options, str(folder)]
        return subprocess.run(command, capture_output=True, text=True)

    def seal(self, first: int, count: int, more: int = 0) -> None:
        """Seal and project events, and some more that sealer and projector make themselves."""
        self.log.deliver(deliveries(count, first=first))
        with self.log.sealer() as sealer, self.log.projector() as projector:
            wanted = first + count + more
            until(lambda: projected(self.parts) == wanted, 40, lambda: f"{projected(self.parts)}")
            for role in (projector, sealer):
                role.terminate()
                assert role.wait(15) == 0


@pytest.fixture(scope="module")
def sealed(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A log of 600 events."""
    fresh_projection(parts.dsn(SUPERUSER))
    made = Sealed(a_log(parts, tmp_path_factory.mktemp("sealed")), parts)
    made.seal(0, EVENTS)
    return made


SOURCES: dict[str, Callable[[Sealed, Path], Iterable[SealedRecord]]] = {
    "the log": lambda sealed, _: records(sealed.tree().tree),
    "the topic": lambda sealed, _: from_topic(
        sealed.tree().tree, intact_records(sealed.parts.kafka, sealed.topic)
    ),
    "an export": lambda sealed, folder: from_export(folder, sealed.folder, None),
    "an export without the log": lambda sealed, folder: from_export(
        folder, folder / "none", str(read_public_keys(sealed.folder)[0].key)
    ),
}
"""Where the tables can be made again from, and the events that each gives."""
