"""The item record states in which layout its package is written."""

from pathlib import Path

import pytest

from processors.assemble_package import assemble_package
from processors.outcome import Rejected
from processors.package_layouts import LAYOUTS
from processors.profile_packaging import KNOWN_LAYOUTS
from processors.tools import Tools
from tests.support.package_builders import a_completed_item, files_of, memory_tools, published


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def test_each_layout_that_a_profile_may_state_has_a_writer() -> None:
    assert set(LAYOUTS) == set(KNOWN_LAYOUTS)


@pytest.mark.parametrize(("layout", "field"), [(None, b""), (1, b""), (2, b"Package-Layout: 2\n")])
def test_bag_info_states_the_layout_from_2_on(
    tools: Tools, layout: int | None, field: bytes
) -> None:
    info = files_of(published(a_completed_item(tools, layout=layout), tools), tools)["bag-info.txt"]

    assert field in info
    assert (b"Package-Layout" in info) == bool(field)


def test_a_layout_of_a_later_version_is_refused(tools: Tools) -> None:
    outcome = assemble_package(a_completed_item(tools, layout=3), tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "package.record-incomplete"
    assert "layout 3" in outcome.found


def test_a_profile_that_states_layout_1_keeps_it(tools: Tools) -> None:
    item = a_completed_item(tools, layout=2, profile={"package": {"layout": 1}})

    package = published(item, tools)

    asked = published(a_completed_item(tools, readable=True), tools)
    assert package.content_digest == asked.content_digest
    assert b"Package-Layout" not in files_of(package, tools)["bag-info.txt"]
