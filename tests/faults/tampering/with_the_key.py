"""Who has home, database and the sealer's key rewrites the log without a contradiction in it.

`audit verify` cannot know; a witness that saw the log before must."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.codec import encode
from schemas.store import schema_store
from streams.audit.sealed_record import Seal, SealedRecord, schema_digest
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.export import newest_checkpoint
from streams.transparency_log.log_keys import PublicKey, read_private_key, write_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import SignerKey
from streams.verification.sealed_comparison import verify_log
from tests.support.audit_log import an_event
from tests.support.running_line import COMMAND

Records = Sequence[SealedRecord]
OTHER_SEED = bytes(range(50, 82))
SIGN_EVERY = 100
SECONDS = 120


@dataclass(frozen=True)
class Rewriting:
    """One way to rewrite a log that a witness has seen."""

    name: str
    records: Callable[[Records, random.Random], Records]
    """The records of the rewritten log."""
    key: str = "the log's"
    """Who signs it: the log's key, the next one that it names, or another one."""


@dataclass(frozen=True)
class Witnessed:
    """What a witness said to a rewritten log."""

    rewriting: Rewriting
    consistent: bool
    """Whether the rewritten log contradicts itself nowhere."""
    code: int
    message: str
    evidence: bool
    """Whether both checkpoints are kept."""

    @property
    def right(self) -> bool:
        """Whether the witness, and it alone, found the rewriting."""
        kept = self.evidence or self.rewriting.key == "another"
        return self.consistent and self.code == 1 and kept

    def __str__(self) -> str:
        mark = "ok  " if self.right else "BAD "
        return f"{mark}with the key: {self.rewriting.name}: exit {self.code}: {self.message[:120]}"


def sealed_again(records: Records) -> Records:
    """The records with numbers without a gap."""
    return [one._replace(seal=one.seal._replace(seq=seq)) for seq, one in enumerate(records)]


def edited(record: SealedRecord, detail: str = "forged") -> SealedRecord:
    """The record with another text."""
    value = encode(record.event.model_copy(update={"detail": detail}))
    return record._replace(
        value=value, seal=record.seal._replace(schema_sha256=schema_digest(value))
    )


def forged(records: Records, count: int) -> Records:
    """Records of events that never were, behind others."""
    first, at = len(records), records[-1].seal.sealed_at
    digest = schema_store().digest(schema_store().latest_id("PremisEvent"))
    events = [an_event(800_000 + number, "forged") for number in range(count)]
    return [
        SealedRecord(event.head.event_id, encode(event), Seal(first + number, at, digest))
        for number, event in enumerate(events)
    ]


def _at(change: Callable[[list[SealedRecord], int], None]) -> Callable[..., Records]:
    def rewrite(records: Records, draw: random.Random) -> Records:
        changed = list(records)
        change(changed, draw.randrange(1, len(changed) - 60))
        return sealed_again(changed)

    return rewrite


def _edit(records: list[SealedRecord], at: int) -> None:
    records[at] = edited(records[at])


def _edit_first(records: list[SealedRecord], _: int) -> None:
    records[0] = edited(records[0])


def _edit_last(records: list[SealedRecord], _: int) -> None:
    records[-1] = edited(records[-1])


def _delete(records: list[SealedRecord], at: int) -> None:
    del records[at]


def _delete_and_fill(records: list[SealedRecord], at: int) -> None:
    del records[at]
    records += forged(records, 1)


def _insert(records: list[SealedRecord], at: int) -> None:
    (other,) = forged(records[:at], 1)
    records.insert(at, other)


def _swap(records: list[SealedRecord], at: int) -> None:
    one, other = records[at], records[at + 1]
    records[at] = other._replace(seal=other.seal._replace(sealed_at=one.seal.sealed_at))
    records[at + 1] = one._replace(seal=one.seal._replace(sealed_at=other.seal.sealed_at))


def _move_times(records: list[SealedRecord], at: int) -> None:
    records[at:] = [
        one._replace(seal=one.seal._replace(sealed_at=one.seal.sealed_at + 1))
        for one in records[at:]
    ]


def _roll_back(records: list[SealedRecord], at: int) -> None:
    del records[at:]


def _fork(records: list[SealedRecord], at: int) -> None:
    size = len(records)
    del records[at:]
    records += forged(records, size - at)


def _fork_longer(records: list[SealedRecord], at: int) -> None:
    size = len(records)
    del records[at:]
    records += forged(records, size - at + 300)


def _edit_and_extend(records: list[SealedRecord], at: int) -> None:
    _edit(records, at)
    records += forged(records, 40)


def _only_first(records: list[SealedRecord], _: int) -> None:
    del records[1:]


def _all_forged(records: list[SealedRecord], _: int) -> None:
    size = len(records)
    records[:] = [records[0], *forged(records[:1], size + 20)]
    records[0] = edited(records[0])


REWRITINGS = [
    Rewriting("an event is edited", _at(_edit)),
    Rewriting("the first event is edited", _at(_edit_first)),
    Rewriting("the last event is edited", _at(_edit_last)),
    Rewriting("an event is removed", _at(_delete)),
    Rewriting("an event is removed and one added at the end", _at(_delete_and_fill)),
    Rewriting("an event is inserted", _at(_insert)),
    Rewriting("two events change places", _at(_swap)),
    Rewriting("times of sealing are moved", _at(_move_times)),
    Rewriting("the log is rolled back", _at(_roll_back)),
    Rewriting("the log begins again", _at(_only_first)),
    Rewriting("other events follow an earlier size", _at(_fork)),
    Rewriting("more events follow an earlier size", _at(_fork_longer)),
    Rewriting("an event is edited and others follow", _at(_edit_and_extend)),
    Rewriting("all events are other ones", _at(_all_forged)),
    Rewriting("an event is edited and the key replaced as it must be", _at(_edit), "the next"),
    Rewriting("an event is edited and another key signs", _at(_edit), "another"),
]


def write_log(folder: Path, records: Records, signer: SignerKey, following: bool = False) -> None:
    """A log of these records with checkpoints; with `following`, a next key signs the last ones."""
    store, files = LogStore(folder), CheckpointFiles(folder)
    keys = [PublicKey(signer.verifier, 0)]
    for start in range(0, len(records), SIGN_EVERY):
        store.append([one.leaf for one in records[start : start + SIGN_EVERY]])
        publish(store, files, signer)
    if following:
        next_signer = SignerKey(signer.name, OTHER_SEED)
        publish(store, files, signer, next_signer)
        keys.append(PublicKey(next_signer.verifier, store.size))
    store.close()
    write_public_keys(folder, keys)


def look(log: Path, state: Path) -> tuple[int, str]:
    """Exit code and message of a witness that visits a log."""
    done = subprocess.run(
        [COMMAND, "audit", "witness", log, "--state", state, "--name", "witness/test", "--json"],
        env={**os.environ, "COPYSTAND_HOME": str(state.parent / "no-home")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, " ".join((done.stderr or done.stdout).split())


def witnessed(home: Path, records: Records, scratch: Path, seed: int) -> Iterator[Witnessed]:
    """Rewrite a log in all ways, and let a witness that has seen it look again."""
    state, log = scratch / "state", home / "audit" / "log"
    origin = newest_checkpoint(log).origin
    signer = read_private_key(home / "run" / "sealer.key", origin)
    code, message = look(log, state)
    assert code == 0, message
    write_log(scratch / "grown", [*records, *forged(records, 30)], signer)
    code, message = look(scratch / "grown", _copied(state, scratch / "visit"))
    assert code == 0, f"a log that only grew was refused: {message}"
    for rewriting in REWRITINGS:
        draw = random.Random(f"{seed} {rewriting.name}")
        place = scratch / "rewritten"
        by = SignerKey(origin, OTHER_SEED) if rewriting.key == "another" else signer
        write_log(place, rewriting.records(records, draw), by, rewriting.key == "the next")
        visit = _copied(state, scratch / "visit")
        code, message = look(place, visit)
        kept = {one.name for one in visit.glob("evidence-*/*")} == {"held", "offered"}
        yield Witnessed(rewriting, not verify_log(place)[1], code, message, kept)
        shutil.rmtree(place)


def _copied(state: Path, visit: Path) -> Path:
    shutil.rmtree(visit, ignore_errors=True)
    shutil.copytree(state, visit)
    return visit
