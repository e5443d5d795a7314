"""Uploads that are cut, killed and short of space: never more than a chunk again, nothing wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.ingest.chunk_writer import SAVE_EVERY_BYTES
from tests.faults.upload_cuts import survey
from tests.support.ingest_server import IngestServer
from tests.support.running_line import wait_for
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.tus_client import TusClient, checksum_of

CUTS, KILLS, SEED = 100, 2, 7
MEGABYTE = 1_000_000


def test_random_cuts_cost_at_most_a_chunk_and_no_wrong_byte_is_accepted(tmp_path: Path):
    found = survey(tmp_path, CUTS, KILLS, SEED)

    assert found.faults == []
    assert (found.wrong, found.cuts, found.kills) == (0, CUTS, KILLS)
    assert found.most_resent <= 1
    assert set(found.kinds) == {"headers", "begin", "inside", "end", "answer"}


def test_a_long_chunk_is_not_begun_again_when_the_server_is_killed(tmp_path: Path):
    server = IngestServer(tmp_path / "home")
    client = TusClient(server.port, server.add_station("lab"))
    server.start()
    try:
        content = os.urandom(2 * SAVE_EVERY_BYTES + 1000)
        path = client.created(content)
        holder = client.begin(path, 0, content, sent=len(content) - 500)
        wait_for(lambda: client.head(path).offset >= SAVE_EVERY_BYTES, 20, server.log)
        server.kill()
        holder.close()
        server.start()
        offset = client.head(path).offset
        last = client.patch(path, offset, content[offset:])
    finally:
        server.stop()

    assert SAVE_EVERY_BYTES <= offset < len(content)
    assert last.status == 204
    assert server.stored(content) == content


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 64 MB."""
    with small_disk(tmp_path, 64 << 20, 4000) as made:
        yield made


def test_without_space_uploads_are_refused_and_continue_when_there_is_some(disk: SmallDisk):
    reserve = {"COPYSTAND_RESERVE_MB": "10", "COPYSTAND_RESERVE_INODES": "100"}
    server = IngestServer(disk.mounted / "home", **reserve)
    client = TusClient(server.port, server.add_station("lab"))
    server.start()
    try:
        content = os.urandom(20 * MEGABYTE)
        half = content[: 10 * MEGABYTE]
        path = client.created(content)
        # It would fit alone, and not beside what the first one has reserved.
        beside = client.create(b"", digest="a" * 64, length=40 * MEGABYTE)
        assert client.patch(path, 0, half, **checksum_of(half)).status == 204
        disk.fill_bytes(left_bytes=9 * MEGABYTE)
        waits = server.home / "run" / "roles" / "ingest.note"
        wait_for(waits.exists, 10, server.log)
        rest = content[len(half) :]
        refused = client.patch(path, len(half), rest, **checksum_of(rest))
        new, ready = client.create(b"x"), client.send("GET", "/health/ready", None, {})
        position, reason = client.head(path).offset, waits.read_text()
        disk.empty()
        last = client.patch(path, position, rest, **checksum_of(rest))
    finally:
        server.stop()

    for answer in (beside, refused, new):
        assert (answer.status, answer.code) == (507, "disk.no-space")
        assert answer.headers["retry-after"] == "10"
    assert (position, ready.status) == (len(half), 503)
    assert "refuses uploads until there is space" in reason
    assert last.status == 204
    assert server.stored(content) == content


def test_a_disk_that_is_full_to_the_last_byte_loses_nothing_that_was_acknowledged(disk: SmallDisk):
    nothing = {"COPYSTAND_RESERVE_MB": "0", "COPYSTAND_RESERVE_INODES": "0"}
    server = IngestServer(disk.mounted / "home", **nothing)
    client = TusClient(server.port, server.add_station("lab"))
    server.start()
    try:
        content, part = os.urandom(3 * MEGABYTE), MEGABYTE
        path = client.created(content)
        assert client.patch(path, 0, content[:part]).status == 204
        disk.fill_bytes()
        refused = client.patch(path, part, content[part:])
        position = client.head(path).offset
        server.kill()
        disk.empty()
        server.start()
        after = client.head(path).offset
        last = client.patch(path, after, content[after:])
    finally:
        server.stop()

    assert refused.status == 507
    assert position == after == part
    assert last.status == 204
    assert server.stored(content) == content
