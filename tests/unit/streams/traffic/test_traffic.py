"""What a process asks before bytes pass: waiting, parts, and several processes at one link."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from streams.traffic.figures import traffic_document
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic

MASTERS, ACCESS, PACKAGES, REPAIR = TrafficClass
MB = 1_000_000


def limited(folder: Path, rate_mbit: float) -> Traffic:
    (folder / "traffic.toml").write_text(f"[link]\nrate_mbit = {rate_mbit}\n")
    return Traffic(folder)


def test_without_a_file_nothing_waits_and_nothing_is_written(tmp_path: Path):
    traffic = Traffic(tmp_path)

    for _ in range(1000):
        traffic.wait(REPAIR, Direction.OUT, 100 * MB)

    assert list(tmp_path.iterdir()) == []
    assert traffic_document(traffic) is None
    assert traffic.part_bytes(5, 16) == 16


def test_waiting_takes_as_long_as_the_rate_demands(tmp_path: Path):
    traffic = limited(tmp_path, 80)  # 10 MB/s
    began = time.monotonic()

    for _ in range(20):
        traffic.wait(ACCESS, Direction.OUT, 250_000)
    asyncio.run(traffic.passes(ACCESS, Direction.OUT, 1))

    # 5 MB, of which the burst of the link and of the class may go at once.
    assert time.monotonic() - began >= 0.25
    document = traffic_document(traffic)
    assert document is not None
    access = document["classes"][1]
    assert (access["class"], access["out_bytes"], access["in_bytes"]) == ("access", 5_000_001, 0)
    assert access["waits"] > 0 and access["waited_seconds"] > 0.2


def test_a_part_is_a_tenth_of_a_second_of_the_link_within_its_limits(tmp_path: Path):
    traffic = limited(tmp_path, 80)

    assert traffic.part_bytes(256_000, 16 * MB) == MB
    assert traffic.part_bytes(5 * MB, 16 * MB) == 5 * MB
    assert traffic.part_bytes(256_000, 500_000) == 500_000


SENDER = """
    import sys, time
    from pathlib import Path
    from streams.traffic.link_buckets import TrafficClass
    from streams.traffic.shared_state import Direction
    from streams.traffic.traffic import Traffic

    traffic, which = Traffic(Path(sys.argv[1])), TrafficClass(sys.argv[2])
    print("ready", flush=True)
    while True:
        traffic.wait(which, Direction.OUT, 50_000)
"""


def sender(folder: Path, which: TrafficClass) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", textwrap.dedent(SENDER), folder, which.value]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return process


def passed(traffic: Traffic) -> dict[TrafficClass, int]:
    document = traffic_document(traffic)
    assert document is not None
    return {TrafficClass(one["class"]): one["out_bytes"] for one in document["classes"]}


def gained(traffic: Traffic, at_least: int) -> dict[TrafficClass, int]:
    """What each class sends while all send this much."""
    before, deadline = passed(traffic), time.monotonic() + 60
    while True:
        now = {which: size - before[which] for which, size in passed(traffic).items()}
        if sum(now.values()) >= at_least:
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_processes_share_a_link_and_a_killed_one_leaves_its_share_to_the_others(tmp_path: Path):
    traffic = limited(tmp_path, 16)  # 2 MB/s
    senders = {which: sender(tmp_path, which) for which in (MASTERS, PACKAGES)}
    try:
        gained(traffic, 2 * MB)  # The bursts are used up.

        together = gained(traffic, 2 * MB)
        senders[MASTERS].send_signal(signal.SIGKILL)
        senders[MASTERS].wait()
        alone = gained(traffic, 2 * MB)
    finally:
        for one in senders.values():
            one.kill()
            one.wait()

    # A slow machine may leave masters less than their share, and packages then more.
    assert together[PACKAGES] / sum(together.values()) > 0.06
    assert together[MASTERS] > together[PACKAGES]
    assert alone[PACKAGES] > 0.8 * sum(alone.values())
