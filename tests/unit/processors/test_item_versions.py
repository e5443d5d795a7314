"""Names of items and of their packages."""

import pytest

from processors.item_versions import is_version_of


@pytest.mark.parametrize("name", ["vol-1", "vol-1.v1", "vol-1.v23"])
def test_an_item_is_named_by_its_id_and_the_ids_of_its_packages(name: str):
    assert is_version_of("vol-1", name)


@pytest.mark.parametrize("name", [None, "", "vol-2", "vol-1.v", "vol-1.vx", "VOL-1", "vol-1.v1.v2"])
def test_other_names_are_those_of_other_items(name: str | None):
    assert not is_version_of("vol-1", name)
