"""Profiles are resolved to one document with all defaults."""

from pathlib import Path

import pytest

from processors import profile
from processors.profile import InvalidProfile, Profile, UnknownProfile


def test_the_default_profile_warns_of_unusual_masters():
    resolved = profile.resolve("as-delivered")

    assert resolved["formats"] == ["tiff", "bigtiff", "jpeg", "png"]
    assert resolved["bits_per_sample"] == [1, 2, 4, 8, 12, 16]
    assert resolved["unknown_resolution"] == "warn"
    assert resolved["required_branches"] == ["derive_page", "describe_page", "recognize_page"]
    assert resolved["ocr"]["dpi"] == 300


@pytest.mark.parametrize("name", profile.names())
def test_every_shipped_profile_can_be_read_from_its_document(name: str):
    resolved = profile.resolve(name)

    again = Profile.from_json(profile.canonical(resolved))

    assert again.model_dump(mode="json") == resolved


def test_a_resolved_profile_may_have_unknown_fields():
    document = profile.canonical({**profile.resolve("as-delivered"), "rule_files": ["a"]})

    assert Profile.from_json(document).name == "as-delivered"


def test_an_unknown_name_is_reported_with_the_known_names():
    with pytest.raises(UnknownProfile) as found:
        profile.resolve("book-color")

    assert "book-colour" in found.value.known


def test_a_name_cannot_refer_to_another_folder(tmp_path: Path):
    with pytest.raises(UnknownProfile):
        profile.resolve("../profiles/as-delivered", tmp_path)


def test_a_profile_of_the_institution_overrides_a_shipped_one(tmp_path: Path):
    text = (profile.SHIPPED / "as-delivered.toml").read_text().replace("dpi = 300", "dpi = 400")
    (tmp_path / "as-delivered.toml").write_text(text)

    assert profile.resolve("as-delivered", tmp_path)["ocr"]["dpi"] == 400


def test_a_misspelt_key_of_a_profile_is_refused(tmp_path: Path):
    text = (profile.SHIPPED / "as-delivered.toml").read_text()
    (tmp_path / "mine.toml").write_text('missing_ic = "warn"\n' + text)

    with pytest.raises(InvalidProfile, match="missing_ic"):
        profile.resolve("mine", tmp_path)


def test_a_worker_of_an_older_version_can_ignore_models_for_unstated_languages_and_engine():
    resolved = profile.resolve("as-delivered")

    # Unknown fields are ignored at the top level only.
    assert {"unstated_language", "recognition"} <= set(resolved)
    assert not {"unstated_language", "recognition", "engine"} & set(resolved["ocr"])


@pytest.mark.parametrize("name", sorted(path.stem for path in profile.SHIPPED.glob("*.toml")))
def test_every_shipped_profile_names_the_fast_engine(name: str):
    assert profile.resolve(name)["recognition"] == {
        "engine": "tesserocr",
        "software": None,
        "models": None,
        "model_versions": None,
    }


def test_a_profile_without_an_engine_means_the_program():
    resolved = profile.resolve("as-delivered")
    del resolved["recognition"]

    assert Profile.from_json(profile.canonical(resolved)).recognition.engine == "pytesseract"
