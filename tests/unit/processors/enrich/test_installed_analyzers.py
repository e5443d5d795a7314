"""Analyzers are found by entry points; one that cannot be loaded does not stop the others."""

from importlib.metadata import EntryPoint

import pytest

from processors.enrich import installed_analyzers as module
from tests.support import small_analyzers


@pytest.fixture(autouse=True)
def forget():
    module.installed_analyzers.cache_clear()
    yield
    module.installed_analyzers.cache_clear()


def test_finds_all_that_load_sorted_by_id(monkeypatch, caplog):
    points = [
        EntryPoint("gone", "no.such.module:make", module.GROUP),
        EntryPoint("small", "tests.support.small_analyzers:analyzers", module.GROUP),
        EntryPoint("one", "tests.support.small_analyzers:Failing", module.GROUP),
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: points)

    found = [one.id for one in module.installed_analyzers()]

    assert found == ["test-crashing", "test-failing", "test-failing", "test-ink"]
    assert "analyzer not loaded" in caplog.text
    assert small_analyzers.ENTRY_POINTS.startswith(f"[{module.GROUP}]")
