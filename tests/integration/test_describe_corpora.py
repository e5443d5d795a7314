"""Every real master that the line takes is described, twice alike, in valid documents."""

from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.outcome import Done
from tests.support.corpora import corpus
from tests.support.describe_builders import described, schema_errors
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools

IMAGES = (".tif", ".tiff", ".jpg", ".jpeg", ".png")


@pytest.mark.parametrize("name", ["kant-1784", "gallicorpora-18e", "tesseract", "checkit-tiff"])
def test_real_masters_are_described(tmp_path: Path, name: str):
    described_pages = 0
    for path in sorted(corpus(name).rglob("*")):
        if path.suffix.lower() not in IMAGES:
            continue
        tools = memory_tools(tmp_path / f"{described_pages}-{path.stem}")
        outcome = acquire_page(an_admitted_page(tools, path.read_bytes(), name=path.name), tools)
        if not isinstance(outcome, Done):
            continue
        page = as_next_input(outcome.facts[0])  # type: ignore[arg-type]

        fact, files = described(tools, page)

        assert described(tools, page) == (fact, files), path
        assert schema_errors(files["mix"]) == [], path
        assert schema_errors(files.get("embedded-dc", files["mix"])) == [], path
        described_pages += 1
    assert described_pages
