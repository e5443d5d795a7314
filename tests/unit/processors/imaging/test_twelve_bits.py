"""A master with 12 bits per sample is processed and keeps its tones."""

import random
import struct
from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.derive_page import derive_page
from processors.imaging.decode import write_grey_copy
from processors.imaging.twelve_bits import open_twelve_bits
from processors.outcome import Done, Rejected
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools
from tests.support.tiff_builders import LONG, SHORT, ATiff

WIDTH, HEIGHT = 7, 6
"""Odd, so that rows end within a byte."""


def packed(values: list[int]) -> bytes:
    """A row of samples, two in three bytes, the high bits first (TIFF 6.0, FillOrder 1)."""
    bits = "".join(f"{value:012b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def a_master(samples: int, photometric: int, order: str = "<") -> tuple[list[int], bytes]:
    chance = random.Random(12)
    rows = [[chance.randrange(4096) for _ in range(WIDTH * samples)] for _ in range(HEIGHT)]
    strips = [b"".join(map(packed, rows[at : at + 4])) for at in (0, 4)]
    tags = {
        256: (SHORT, [WIDTH]),
        257: (SHORT, [HEIGHT]),
        258: (SHORT, [12] * samples),
        262: (SHORT, [photometric]),
        273: (LONG, [8, 8 + len(strips[0])]),
        277: (SHORT, [samples]),
        278: (SHORT, [4]),
        279: (LONG, [len(strip) for strip in strips]),
    }
    tiff = ATiff(order=order, pixels=b"".join(strips).ljust(len(b"".join(strips)) // 2 * 2, b"\0"))
    tiff.tags = tags
    return [value for row in rows for value in row], tiff.bytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("samples", "photometric"), [(1, 1), (1, 0), (3, 2)])
def test_every_value_is_kept(tmp_path: Path, samples: int, photometric: int, order: str):
    values, content = a_master(samples, photometric, order)
    path = tmp_path / "master.tif"
    path.write_bytes(content)

    image = open_twelve_bits(path)

    assert image is not None
    assert (image.width, image.height, image.bands) == (WIDTH, HEIGHT, samples)
    read = struct.unpack(f"{len(values)}H", image.write_to_memory())
    wanted = [4095 - value for value in values] if photometric == 0 else values
    assert [tone >> 4 for tone in read] == wanted
    assert all(tone & 15 == tone >> 12 for tone in read)


@pytest.mark.parametrize(("samples", "photometric"), [(1, 1), (3, 2)])
def test_a_master_of_twelve_bits_is_acquired_and_derived(
    tmp_path: Path, samples: int, photometric: int
):
    tools = memory_tools(tmp_path)
    content = a_master(samples, photometric)[1]

    acquired = acquire_page(an_admitted_page(tools, content), tools)

    assert isinstance(acquired, Done), acquired
    fact = acquired.facts[0]
    assert fact.bits_per_sample == 12
    assert isinstance(derive_page(as_next_input(fact), tools), Done)
    copy = write_grey_copy(
        tools.storage.path(fact.files[0]),
        tmp_path / "grey.tif",
        resolution_dpi=300,
        dpi=300,
        max_long_side_px=6000,
    )
    assert (copy.width_px, copy.height_px) == (WIDTH, HEIGHT)


def test_reports_twelve_bits_that_are_not_supported(tmp_path: Path):
    tools = memory_tools(tmp_path)
    content = ATiff(
        pixels=bytes(96), tags={258: (SHORT, [12]), 259: (SHORT, [5]), 279: (LONG, [96])}
    ).bytes()

    outcome = acquire_page(an_admitted_page(tools, content), tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.decoding-not-supported"
