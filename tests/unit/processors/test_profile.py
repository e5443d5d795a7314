"""Profiles resolve to one document with everything filled in."""

from pathlib import Path

import pytest

from processors import profile
from processors.profile import InvalidProfile, Profile, UnknownProfile


def test_as_delivered_warns_of_what_is_unusual():
    resolved = profile.resolve("as-delivered")

    assert resolved["formats"] == ["tiff", "bigtiff", "jpeg", "png"]
    assert resolved["bits_per_sample"] == [1, 8, 12, 16]
    assert resolved["unknown_resolution"] == "warn"
    assert resolved["required_branches"] == ["derive_page", "describe_page", "recognize_page"]
    assert resolved["ocr"]["dpi"] == 300


@pytest.mark.parametrize("name", profile.names())
def test_every_shipped_profile_survives_its_own_document(name: str):
    resolved = profile.resolve(name)

    again = Profile.from_json(profile.canonical(resolved))

    assert again.model_dump(mode="json") == resolved


def test_a_resolved_profile_may_carry_what_other_steps_need():
    document = profile.canonical({**profile.resolve("as-delivered"), "rule_files": ["a"]})

    assert Profile.from_json(document).name == "as-delivered"


def test_an_unknown_name_is_told_with_those_known():
    with pytest.raises(UnknownProfile) as told:
        profile.resolve("book-color")

    assert "book-colour" in told.value.known


def test_a_name_cannot_leave_the_folder(tmp_path: Path):
    with pytest.raises(UnknownProfile):
        profile.resolve("../profiles/as-delivered", tmp_path)


def test_a_profile_of_the_user_comes_first(tmp_path: Path):
    text = (profile.SHIPPED / "as-delivered.toml").read_text().replace("dpi = 300", "dpi = 400")
    (tmp_path / "as-delivered.toml").write_text(text)

    assert profile.resolve("as-delivered", tmp_path)["ocr"]["dpi"] == 400


def test_a_misspelt_key_of_a_profile_is_refused(tmp_path: Path):
    text = (profile.SHIPPED / "as-delivered.toml").read_text()
    (tmp_path / "mine.toml").write_text('missing_ic = "warn"\n' + text)

    with pytest.raises(InvalidProfile, match="missing_ic"):
        profile.resolve("mine", tmp_path)
