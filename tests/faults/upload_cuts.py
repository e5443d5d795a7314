"""Cuts uploads at random bytes, spoils chunks, and kills the server, drawn from a seed.

After each cut the server says where to continue: never before the chunk that was cut, and never
behind what was sent. In the end each file is in the store with the right bytes or not at all.

Run: python -m tests.faults.upload_cuts [--count 1000] [--kills 50] [--seed 1] [--record]
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.common import commit, machine
from tests.faults.chaos import ledger
from tests.support.ingest_server import IngestServer
from tests.support.tus_client import Answer, TusClient, checksum_of

MOST_BYTES = 300_000
CHUNKS = (1 << 12, 1 << 14, 1 << 16)
ALGORITHMS = ("sha256", "sha1", None)
UNLOCK_SECONDS = 10
HEAD = (
    "| date | commit | machine | seed | cuts | kill -9 | files | spoilt chunks | chunks resent,"
    " most for a cut | wrong bytes accepted | minutes | result |"
)


@dataclass
class Survey:
    """What happened."""

    kill_at: frozenset[int] = frozenset()
    """The cuts at which the server is killed."""
    cuts: int = 0
    kills: int = 0
    files: int = 0
    spoilt: int = 0
    most_resent: float = 0.0
    """Chunks sent again after one cut."""
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    """Files of which wrong bytes were accepted."""
    faults: list[str] = field(default_factory=list)
    """Wrong bytes accepted, right ones lost, more than a chunk to send again."""


class Uploader:
    """Uploads one file with cuts."""

    def __init__(self, survey: Survey, server: IngestServer, client: TusClient, seed: str) -> None:
        self._survey, self._server, self._client = survey, server, client
        self._drawn = random.Random(seed)
        self._content = self._drawn.randbytes(self._drawn.randint(1, MOST_BYTES))
        self._chunk = self._drawn.choice(CHUNKS)
        self._algorithm = self._drawn.choice(ALGORITHMS)

    def run(self, cuts: int) -> None:
        """Upload the file, and cut it so often unless it is complete before."""
        path, offset, size = self._client.created(self._content), 0, len(self._content)
        while offset < size:
            part = self._content[offset : offset + self._chunk]
            if cuts:
                cuts, offset = cuts - 1, self._cut(path, offset, part)
            elif self._algorithm and self._drawn.random() < 0.2:
                self._spoil(path, offset, part)
            else:
                offset = self._send(path, offset, part)
        self._survey.files += 1
        stored = self._server.stored(self._content)
        self._survey.wrong += stored not in (None, self._content)
        if stored != self._content:
            self._survey.faults.append(f"{path} is not in the store with its bytes")

    def _headers(self, part: bytes) -> dict[str, str]:
        return checksum_of(part, self._algorithm) if self._algorithm else {}

    def _send(self, path: str, offset: int, part: bytes) -> int:
        answer = self._client.patch(path, offset, part, **self._headers(part))
        if answer.status != 204 or answer.offset != offset + len(part):
            self._survey.faults.append(f"{path} at {offset}: {answer}")
        return offset + len(part)

    def _spoil(self, path: str, offset: int, part: bytes) -> None:
        """A chunk of which a bit was changed on its way."""
        at = self._drawn.randrange(len(part))
        wrong = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
        answer = self._client.patch(path, offset, wrong, **self._headers(part))
        self._survey.spoilt += 1
        if answer.status != 460 or self._client.head(path).offset != offset:
            self._survey.faults.append(f"{path}: a spoilt chunk at {offset} gave {answer}")

    def _cut(self, path: str, offset: int, part: bytes) -> int:
        """Cut a chunk; where the upload continues."""
        kind, sent = self._point(len(part))
        reset = self._drawn.random() < 0.5
        self._client.cut(path, offset, part, sent, self._headers(part), reset)
        is_killed = self._survey.cuts in self._survey.kill_at
        self._survey.cuts += 1
        self._survey.kinds[kind] += 1
        if is_killed:
            self._server.kill()
            self._server.start()
            self._survey.kills += 1
        found = self._position(path)
        # A cut without a checksum may count up to where it was cut; one with it, completely only.
        least, most = offset, offset + max(0, sent)
        if not least <= found <= most or (
            self._algorithm and found not in (offset, offset + len(part))
        ):
            self._survey.faults.append(f"{path}: cut at {offset}+{sent}, continues at {found}")
        resent = max(0, offset + max(0, sent) - found) / len(part)
        self._survey.most_resent = max(self._survey.most_resent, resent)
        return found

    def _point(self, length: int) -> tuple[str, int]:
        """Where a chunk is cut: in its headers, at its edges, or in it."""
        kind = self._drawn.choice(("headers", "begin", "inside", "inside", "end", "answer"))
        points = {
            "headers": -self._drawn.randint(1, 100),
            "begin": self._drawn.randint(0, 1),
            "inside": self._drawn.randint(0, length),
            "end": length - 1,
            "answer": length,
        }
        return kind, points[kind]

    def _position(self, path: str) -> int:
        """Where the server continues, as soon as it noticed that the writer is gone."""
        deadline = time.monotonic() + UNLOCK_SECONDS
        while True:
            answer = self._client.head(path)
            if answer.status == 200 and not self._is_busy(path, answer):
                return answer.offset
            assert time.monotonic() < deadline, answer
            time.sleep(0.005)

    def _is_busy(self, path: str, answer: Answer) -> bool:
        """Whether the cut request still writes: an empty chunk is then refused."""
        if answer.offset == len(self._content):
            return False
        return self._client.patch(path, answer.offset, b"").status in (409, 423)


def survey(folder: Path, count: int, kills: int, seed: int) -> Survey:
    """Cut uploads this often, and kill the server at some of the cuts."""
    drawn = random.Random(seed)
    found = Survey(frozenset(drawn.sample(range(count), kills)))
    server = IngestServer(folder / "home")
    client = TusClient(server.port, server.add_station("cuts"))
    server.start()
    try:
        while found.cuts < count:
            one = Uploader(found, server, client, f"{seed}-{found.files}")
            one.run(min(drawn.randint(1, 8), count - found.cuts))
        _wrong_in_the_end(found, server, client, drawn)
    finally:
        server.stop()
    return found


def _wrong_in_the_end(
    found: Survey, server: IngestServer, client: TusClient, drawn: random.Random
) -> None:
    """Files whose chunks have no checksum and were changed: the SHA-256 of the file finds it."""
    for _ in range(20):
        content = drawn.randbytes(drawn.randint(1, 50_000))
        at, path = drawn.randrange(len(content)), client.created(content)
        wrong = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        answer = client.patch(path, 0, wrong)
        found.spoilt += 1
        accepted = {server.stored(wrong), server.stored(content)} != {None}
        found.wrong += accepted
        if answer.status != 422 or client.head(path).status != 404 or accepted:
            found.faults.append(f"{path}: a changed file gave {answer}")


def _row(found: Survey, seed: int, seconds: float) -> str:
    today = datetime.now(UTC).date().isoformat()
    cells = (
        *(today, commit(), machine(), seed, found.cuts, found.kills, found.files, found.spoilt),
        *(f"{found.most_resent:.2f}", found.wrong, f"{seconds / 60:.1f}"),
        "; ".join(found.faults[:3]).replace("|", "/") or "every file stored with its bytes",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="uploads-") as scratch:
        found = survey(Path(scratch), asked.count, asked.kills, asked.seed)
    print(found)
    if asked.record:
        ledger.append_row(HEAD, _row(found, asked.seed, time.monotonic() - began))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
