"""The item record states the layout of its package, and a profile may state an older one."""

from pathlib import Path

import pytest

from processors import profile
from processors.profile_packaging import layout_for


@pytest.mark.parametrize(
    ("recorded", "stated", "layout"), [(1, None, 1), (2, None, 2), (2, 1, 1), (1, 2, 1), (2, 2, 2)]
)
def test_a_package_has_the_layout_of_its_record_or_an_older_one_of_the_profile(
    recorded: int, stated: int | None, layout: int
) -> None:
    assert layout_for(recorded, {"package": {"layout": stated}}) == layout


def test_a_profile_from_before_there_were_layouts_states_none() -> None:
    assert layout_for(2, {}) == 2


def test_a_profile_keeps_the_layout_that_it_states(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "book-colour"\n[package]\nlayout = 1\n')

    assert layout_for(2, profile.resolve("mine", tmp_path)) == 1


def test_a_layout_that_does_not_exist_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "book-colour"\n[package]\nlayout = 3\n')

    with pytest.raises(profile.InvalidProfile, match=r"package\.layout"):
        profile.resolve("mine", tmp_path)
