"""A package of layout 1 has the same bytes for ever."""

from pathlib import Path

import pytest

from processors.tools import Tools
from tests.support.package_builders import a_completed_item, files_of, memory_tools, published
from tests.support.package_documents import MODS, submitted_mets

CHAPTERS = submitted_mets(("scan 0001.jpg", "One"), ("scan 0002.jpg", "Two"))
RECORDS = (("METS", "vol-1/mets.xml", CHAPTERS), ("MODS", "vol-1/mods.xml", MODS))


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


@pytest.mark.parametrize(
    ("fields", "sha256"),
    [
        ({}, "91c30259e32c3b16ff8d4165529b5a75eaac7633bb159844e8070f67631917da"),
        (
            {"records": RECORDS},
            "37d934b7886bba900cd6aa7ba9583b7bd9dfe1309771434e1df92b82fdcbba16",
        ),
        (
            {
                "part_of": "Works",
                "withdrawn": ("0002",),
                "supersedes": ("vol-1.v1",),
                "revision": 2,
            },
            "34f12cd45f385f0809394fdff4ba4585bbe2cc2391ac35bf206e571370ffb4d7",
        ),
    ],
    ids=["plain", "with chapters", "a later version"],
)
def test_a_record_from_before_there_were_layouts_gives_the_bytes_that_it_gave(
    tools: Tools, fields: dict[str, object], sha256: str
) -> None:
    package = published(a_completed_item(tools, **fields), tools)  # type: ignore[arg-type]

    assert package.sha256 == sha256


def test_a_record_that_states_layout_1_gives_the_same_files(tools: Tools) -> None:
    silent = published(a_completed_item(tools), tools)
    stated = published(a_completed_item(tools, layout=1), tools)

    assert stated.content_digest == silent.content_digest
    before, after = files_of(silent, tools), files_of(stated, tools)
    assert after["bag-info.txt"].startswith(before["bag-info.txt"].partition(b"Payload")[0])
    assert set(after) == set(before)
