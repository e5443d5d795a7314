"""acquire_page gives an outcome for every damaged master."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.acquire_page import acquire_page
from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import irregularities, read_header
from processors.outcome import Done, Rejected
from processors.tools import Tools
from tests.data.make import exif, jpeg_with, scene
from tests.support.imaging_builders import an_admitted_page, memory_tools
from tests.support.tiff_builders import ATiff

IMAGE = scene(32, 24)
MASTERS = {
    "tiff": IMAGE.tiffsave_buffer(compression="lzw"),
    "tiff in tiles": IMAGE.tiffsave_buffer(
        compression="deflate", tile=True, tile_width=16, tile_height=16
    ),
    "big-endian tiff": ATiff(order=">").bytes(),
    "bigtiff": ATiff(big=True).bytes(),
    "jpeg": jpeg_with(exif(300, 6)),
    "png": IMAGE.pngsave_buffer(),
}
FAMILIES = {name: name.rsplit(" ", maxsplit=1)[-1] for name in MASTERS} | {"tiff in tiles": "tiff"}
damages = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1), st.just(0)),
    st.tuples(st.just("byte"), st.floats(0, 1), st.integers(0, 255)),
    # Most structures are at the beginning of a file, or after the pixels of a small one.
    st.tuples(st.just("byte"), st.floats(0, 0.1), st.integers(0, 255)),
    st.tuples(st.just("byte"), st.floats(0.8, 1), st.integers(0, 255)),
)


def damaged(content: bytes, damage: list[tuple[str, float, int]]) -> bytes:
    changed = bytearray(content)
    for kind, share, value in damage:
        at = min(int(len(changed) * share), len(changed) - 1)
        if kind == "cut":
            del changed[max(at, 1) :]
        else:
            changed[at] = value
    return bytes(changed)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return memory_tools(tmp_path_factory.mktemp("masters"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("name", sorted(MASTERS))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(damage=st.lists(damages, min_size=1, max_size=3))
def test_a_damaged_master_has_an_outcome(tools: Tools, name: str, damage):
    content = damaged(MASTERS[name], damage)

    outcome = acquire_page(an_admitted_page(tools, content), tools)

    assert isinstance(outcome, Done | Rejected)


@pytest.mark.parametrize("name", sorted(MASTERS))
@settings(max_examples=150, deadline=None, derandomize=True)
@given(damage=st.lists(damages, min_size=1, max_size=4))
def test_a_damaged_header_is_read_or_reported_as_damaged(folder: Path, name: str, damage):
    path = folder / "master"
    path.write_bytes(damaged(MASTERS[name], damage))

    try:
        read_header(path, FAMILIES[name])
        irregularities(path, FAMILIES[name])
    except DamagedHeader as found:
        assert str(found)
