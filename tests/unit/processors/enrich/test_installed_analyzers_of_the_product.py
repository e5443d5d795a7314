"""The analyzers that come with the product are found, and look at a page that a task names."""

from io import BytesIO
from pathlib import Path

import pytest

from processors.enrich import installed_analyzers as module
from processors.enrich.analyze_page import analyzed
from processors.enrich.page_task import PageTask
from processors.tools import Area
from tests.support.imaging_builders import memory_tools
from tests.support.pages_to_look_at import text_page

OURS = ("copystand-blank", "copystand-figure", "copystand-writing")


@pytest.fixture(autouse=True)
def forget():
    module.installed_analyzers.cache_clear()
    yield
    module.installed_analyzers.cache_clear()


def test_a_page_gets_one_kind_of_writing_and_one_script_and_each_run_names_its_weights(
    tmp_path: Path,
):
    tools, access = memory_tools(tmp_path), BytesIO()
    text_page().save(access, "JPEG", quality=85)
    kept = tools.storage.keep(
        access.getvalue(), area=Area.DERIVATIVES, use="access", media_type="image/jpeg"
    )
    task = PageTask(
        page_id="i:0001",
        master_sha256="ab" * 32,
        master_width=1400,
        master_height=1800,
        master_dpi=300.0,
        access=kept,
        texts=(),
        models=OURS,
    )

    fact = analyzed(task, tools, module.installed_analyzers())

    assert [run.model for run in fact.runs] == list(OURS)
    assert [run.failure for run in fact.runs] == [None] * 3
    assert [len(run.weights_sha256) for run in fact.runs] == [0, 64, 64]
    found = [one.kind for run in fact.runs for one in run.suggestions]
    assert sorted(found) == ["script", "writing"]
