"""Changes the partitions of a broker that does not run: cuts their ends, or rewrites a record."""

from collections.abc import Iterator
from pathlib import Path

LENGTH_AT, HEAD, CRC_AT = 8, 12, 17
CASTAGNOLI = 0x82F63B78
ATTRIBUTES_AT, CONTROL, TRANSACTIONAL = 21, 0x20, 0x10


def truncate(data: Path, topic: str, share: float) -> int:
    """Keep this share of the batches of each partition of a topic; gives how many are lost.

    A partition of transactions ends with the marker of one, so that none is left open."""
    lost = 0
    for folder in sorted(data.glob(f"{topic}-*")):
        for log in folder.glob("*.log"):
            content = log.read_bytes()
            ends = list(_ends(content))
            kept = [end for end, closed in ends[: int(len(ends) * share)] if closed]
            with log.open("r+b") as file:
                file.truncate(kept[-1] if kept else 0)
            lost += sum(end > (kept[-1] if kept else 0) for end, _ in ends)
        for index in [*folder.glob("*index"), *folder.glob("*.snapshot")]:
            index.unlink()
    return lost


def change_record(data: Path, topic: str, old: bytes, new: bytes) -> None:
    """Replace bytes that one batch of a topic has by others, and give the batch the right CRC.

    The topic must not be compressed."""
    assert len(old) == len(new) and old != new
    for log in data.glob(f"{topic}-*/*.log"):
        content, start = bytearray(log.read_bytes()), 0
        if (at := content.find(old)) < 0:
            continue
        assert content.find(old, at + 1) < 0, "two records have these bytes"
        content[at : at + len(old)] = new
        for end, _ in _ends(bytes(content)):
            if start <= at < end:
                crc = crc32c(bytes(content[start + ATTRIBUTES_AT : end]))
                content[start + CRC_AT : start + ATTRIBUTES_AT] = crc.to_bytes(4, "big")
            start = end
        log.write_bytes(content)
        return
    raise AssertionError(f"no record of {topic} has these bytes")


def crc32c(content: bytes) -> int:
    """The checksum of a batch (RFC 3720, appendix B.4)."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    found = 0xFFFFFFFF
    for byte in content:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF


def _ends(content: bytes) -> Iterator[tuple[int, bool]]:
    """Where each batch ends, and whether no transaction is open there (KIP-98, batch format v2)."""
    at = 0
    while at + HEAD < len(content):
        length = int.from_bytes(content[at + LENGTH_AT : at + HEAD], "big")
        if length <= 0:
            return  # preallocated
        attributes = content[at + ATTRIBUTES_AT + 1]
        at += HEAD + length
        yield at, bool(attributes & CONTROL) or not attributes & TRANSACTIONAL
