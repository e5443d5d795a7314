"""Broker and store are gone while a station scans and queues; afterwards everything is there, once.

The station is a machine of its own: a folder with one credential file, and addresses. Its spool is
killed while it waits and while it sends.

Run: python -m tests.faults.spool_outage [--pages 200] [--seconds 600] [--record]
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from bench.common import commit, machine
from schemas.catalogue import topic_of
from tests.faults.chaos import ledger
from tests.support.large_folder import a_large_folder, queue_large_folder
from tests.support.parts import Parts, running_parts
from tests.support.reader import decoded, read_all
from tests.support.running_line import wait_for
from tests.support.stations import OwnStation, own_station
from tests.support.tus_server import CUT, TusServer, running_tus_server

TOPIC, CAPTURED = topic_of("BatchSubmitted").name, topic_of("PageCaptured").name
SCAN = (
    *("scan", "--profile", "as-delivered", "--device", "test:0", "--no-prompt", "--submit"),
    *("--resolution", "50"),
)
DRAIN_SECONDS = 120
QUEUED_IN_SECONDS = 2
HEAD = (
    "| date | commit | machine | pages | batches | broker and store away, s | kills of the spool |"
    " published after, s | 100,000 pages queued in, s | lost | in another order | twice | result |"
)


@dataclass
class Outage:
    """What came of one outage."""

    ticked: dict[str, str]
    """Digest of each page that was shown as complete, by batch and ref."""
    queued: list[str]
    kills: int = 0
    seconds: float = 0.0
    faults: tuple[str, ...] = ()
    lost: int = 0
    disordered: int = 0
    twice: int = 0


def suffer(parts: Parts, work: Path, pages: int, batches: int, away_seconds: float) -> Outage:
    """Scan and queue while broker and store are gone; what is wrong with what arrived."""
    network = parts.network
    addresses = {
        "KAFKA_BROKERS": f"{network.host}:{network.port}",
        "COPYSTAND_KAFKA_CA": str(network.certificate),
    }
    with (
        running_tus_server() as server,
        own_station(
            *(parts.home, work / "station"),
            addresses | {"COPYSTAND_UPLOAD_URL": server.address},
            server.token,
        ) as station,
    ):
        outage = Outage({}, [])
        parts.broker.stop()
        server.disturb = lambda _method, _path, _number: CUT
        gone = time.monotonic()
        _scan_and_queue(station, outage, pages, batches)
        outage.kills += station.kill()
        station.start()
        time.sleep(max(0.0, away_seconds - (time.monotonic() - gone)))
        _check_waiting(station, outage)
        # After the first file, so that the second kill finds a process that has not finished.
        server.disturb = lambda _method, _path, _number: CUT if server.stored else None
        parts.broker.start()
        parts.broker.wait_ready()
        back = time.monotonic()
        wait_for(lambda: bool(server.stored), DRAIN_SECONDS, lambda: "nothing is uploaded")
        outage.kills += station.kill()
        server.disturb = lambda _method, _path, _number: None
        station.start()
        wait_for(
            lambda: set(station.states()) == {"submitted"},
            DRAIN_SECONDS,
            lambda: json.dumps(station.run("spool"), indent=1),
        )
        outage.seconds = time.monotonic() - back
        _judge(parts, server, station, outage)
        assert not (station.folder / "var").exists()
        return outage


def _scan_and_queue(station: OwnStation, outage: Outage, pages: int, batches: int) -> None:
    began = f"{datetime.now(UTC):%H%M%S%f}"
    for number in range(batches):
        batch = f"b-{began}-{number}"
        count = str(pages // batches)
        scanned = station.run(*SCAN, "--batch-id", batch, "--pages", count)
        outage.queued.append(batch)
        for page in scanned["pages"]:
            outage.ticked[f"{batch} {page['ref']}"] = page["sha256"]


def _check_waiting(station: OwnStation, outage: Outage) -> None:
    shown = station.run("spool")
    found = [one["batch_id"] for one in shown["deliveries"]]
    waits = shown["deliveries"][0]["waits_for"]
    faults = [] if found == outage.queued else [f"the spool has {found}"]
    if waits is None or waits["code"] != "spool.line-not-reachable":
        faults.append(f"the first delivery waits for {waits}")
    outage.faults = tuple(faults)


def _judge(parts: Parts, server: TusServer, station: OwnStation, outage: Outage) -> None:
    raws = read_all(parts.kafka, [TOPIC])
    ours = [one for one in raws if (one.key or b"").decode() in outage.queued]
    ids = [str(decoded(one).body["head"]["event_id"]) for one in ours]
    names = {(one.key or b"").decode() for one in ours}
    times = [
        min((one.timestamp for one in ours if one.key == name.encode()), default=0)
        for name in outage.queued
    ]
    outage.lost = len(set(outage.queued) - names)
    for digest in outage.ticked.values():
        content = server.stored.get(digest)
        outage.lost += content is None or sha256(content).hexdigest() != digest
    outage.disordered = sum(first > then for first, then in pairwise(times))
    # A record may be on the topic twice after a kill; the line drops it by its event_id.
    outage.twice = len(set(ids)) - len(outage.queued)
    outage.lost += len(outage.ticked) - len(_captures_before(parts, outage.queued, times))
    manifests = {decoded(one).body["manifest_sha256"] for one in ours}
    if len(manifests) != len(outage.queued):
        outage.faults += (f"{len(manifests)} manifests for {len(outage.queued)} batches",)
    if len(server.records) < len(outage.queued):
        outage.faults += (f"{len(server.records)} upload records",)


def _captures_before(parts: Parts, queued: list[str], times: list[int]) -> set[str]:
    """The captures of these batches that were published before the submission of their batch."""
    at = dict(zip(queued, times, strict=True))
    heads = [
        (one.timestamp, decoded(one).body["head"]) for one in read_all(parts.kafka, [CAPTURED])
    ]
    return {head["event_id"] for when, head in heads if when <= at.get(head["batch_id"], -1)}


def main() -> int:
    """Exit code 1 when something was lost or came in another order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="spool-") as folder,
        running_parts(Path(folder) / "line") as parts,
    ):
        outage = suffer(parts, Path(folder), asked.pages, asked.batches, asked.seconds)
        large = a_large_folder(Path(folder) / "large")
        queueing = min(
            queue_large_folder(large, Path(folder) / f"queueing-{number}").seconds
            for number in range(3)
        )
    today = datetime.now(UTC).date().isoformat()
    wrong = (
        queueing >= QUEUED_IN_SECONDS
        or outage.lost
        or outage.disordered
        or outage.twice
        or outage.faults
    )
    cells = (
        *(today, commit(), machine(), len(outage.ticked), len(outage.queued), f"{asked.seconds:g}"),
        *(outage.kills, f"{outage.seconds:.0f}", f"{queueing:.1f}"),
        *(outage.lost, outage.disordered, outage.twice),
        "; ".join(outage.faults).replace("|", "/") or "all there, in order, once",
    )
    row = "| " + " | ".join(map(str, cells)) + " |"
    print(HEAD, row, sep="\n")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
