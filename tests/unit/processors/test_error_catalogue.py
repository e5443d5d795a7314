"""The error catalogue is complete and gives every code its severity and fix."""

import re
import tomllib

import pytest

from processors.error_catalogue import CHAPTERS, FOLDER, entries, fix_of, severity_of
from processors.profile import Profile


def test_every_file_of_the_folder_is_a_chapter():
    assert sorted(path.stem for path in FOLDER.glob("*.toml")) == sorted(CHAPTERS)


def test_a_code_is_described_once():
    described = [
        code
        for path in FOLDER.glob("*.toml")
        for code in tomllib.loads(path.read_text("utf-8"))
        if "." in code
    ]

    assert sorted(described) == sorted(entries())


def test_every_severity_is_in_use():
    assert {one.severity for one in entries().values()} == {"fatal", "error", "warn", "info"}


def test_every_text_is_a_sentence():
    texts = [text for one in entries().values() for text in (one.meaning, one.fix)]

    assert [text for text in texts if not re.fullmatch(r"[A-Z`].*\.", text)] == []


def test_a_fix_does_not_repeat_a_sentence_of_the_meaning():
    repeated = [
        one.code
        for one in entries().values()
        if set(one.fix.split(". ")) & set(one.meaning.split(". "))
    ]

    assert repeated == []


def test_a_severity_set_by_a_profile_is_that_of_the_default_profile():
    by_policy = {one.code: one.policy for one in entries().values() if one.policy}
    defaults = Profile.model_fields
    wanted = {
        code: "error" if defaults[policy].default == "refuse" else "warn"
        for code, policy in by_policy.items()
    }

    assert {code: severity_of(code) for code in by_policy} == wanted


def test_a_fix_is_filled_in():
    assert fix_of("profile.unknown", known="as-delivered") == "Use a known profile: as-delivered."


def test_a_fix_names_the_command_that_releases_a_page():
    assert fix_of("page.fixity-mismatch") == (
        "Release the page with the file as captured:"
        " `copystand quarantine release ID --file FILE --by P --reason R`."
    )


def test_a_fix_without_its_fill_and_an_unknown_code_are_errors():
    with pytest.raises(KeyError, match="known"):
        fix_of("profile.unknown")
    with pytest.raises(KeyError, match=r"page\.no-such-code"):
        fix_of("page.no-such-code")


def test_the_text_shows_placeholders_in_capitals_and_says_who_acts():
    assert entries()["page.resolution-too-low"].text() == (
        "The resolution is lower than `min_resolution_dpi` of the profile.\n\n"
        "**What to do:** Capture the page again with at least DPI dpi, then release it:"
        " `copystand quarantine release ID --file FILE --by P --reason R`.\n\n"
        "*Severity: warn, set by `low_resolution`. Location: file of the page."
        " Who acts: the machine; processing continues.*"
    )
