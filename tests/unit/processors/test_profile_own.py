"""Profiles and rules of an institution are resolved, or refused with the wrong key."""

from pathlib import Path

import pytest

from processors import pipeline, profile
from processors.manifest import read_manifest
from processors.profile import InvalidProfile, Profile
from tests.support.deliveries import a_folder, a_manifest, a_manifest_page, an_item, as_bytes

RULE = """[[rule]]
code = "institution.shelfmark"
for = "item"
field = "identifiers.value"
pattern = "Ms\\\\. fol\\\\. [0-9]+"
severity = "warn"
fix = "Write the shelfmark as the catalogue does."

[[rule]]
code = "institution.project-missing"
for = "batch"
field = "project"
required = true
fix = "Name the project."

[[rule]]
code = "institution.label-form"
for = "page"
field = "labels"
one_of = ["1r", "1v"]
fix = "Label leaves."
"""


def own(folder: Path, text: str, **rules: str) -> Path:
    files = {f"rules/{name}.toml": rule for name, rule in rules.items()}
    return a_folder(folder / "profiles", {"mine.toml": text, **files})


def test_an_own_profile_overrides_only_the_fields_that_it_states(tmp_path: Path) -> None:
    folder = own(tmp_path, 'extends = "book-colour"\nmin_resolution_dpi = 400\n[ocr]\ndpi = 200\n')

    made = profile.resolve("mine", folder)

    base = profile.resolve("book-colour")
    changed = {"name": "mine", "min_resolution_dpi": 400.0, "ocr": {**base["ocr"], "dpi": 200}}
    assert made == {**base, **changed}


def test_the_resolved_document_contains_the_rules(tmp_path: Path) -> None:
    folder = own(tmp_path, 'extends = "as-delivered"\nrule_files = ["house"]\n', house=RULE)

    made = profile.resolve("mine", folder)

    assert [rule["code"] for rule in made["rules"]] == [
        "institution.shelfmark",
        "institution.project-missing",
        "institution.label-form",
    ]
    again = Profile.from_json(profile.canonical(made))
    assert again.model_dump(mode="json", by_alias=True) == made


def test_rules_are_checked_with_the_manifest(tmp_path: Path) -> None:
    folder = own(tmp_path, 'extends = "as-delivered"\nrule_files = ["house"]\n', house=RULE)
    item = an_item(
        identifiers=[{"type": "a", "value": "Ms. fol. 88"}, {"type": "b", "value": "88"}],
        pages=[a_manifest_page(1, labels=["1r"]), a_manifest_page(2, labels=["p. 3"])],
    )

    read, found = read_manifest(as_bytes(a_manifest(item, scanner_profile="mine")), folder)

    assert read is None
    assert [(one.code, one.where, one.found, one.severity) for one in found] == [
        ("institution.project-missing", "project", "nothing is given", "error"),
        ("institution.shelfmark", "items[0].identifiers.value", "88", "warn"),
        ("institution.label-form", "items[0].pages[1].labels", "p. 3", "error"),
    ]
    assert found[0].fix == "Name the project."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("formats = [", "mine.toml: "),
        ('extends = "nowhere"', "extends 'nowhere'"),
        ('extends = "../as-delivered"', "extends"),
        ('extends = "as-delivered"\nmissing_ic = "warn"', "missing_ic"),
        ('extends = "as-delivered"\n[ocr]\ndpi = "much"', "ocr.dpi"),
        ('extends = "as-delivered"\nrequired_branches = ["enrich_page"]', "required_branches"),
        ('extends = "as-delivered"\nrules = []', "rules belong in rule files"),
        ('extends = "as-delivered"\n[recognition]\nengine = "tesseract"', "recognition.engine"),
        ('extends = "as-delivered"\n[recognition]\nmodels = {}', "are set at pre-flight"),
    ],
)
def test_an_invalid_profile_is_reported_with_its_key(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(InvalidProfile, match=expected) as refused:
        profile.resolve("mine", own(tmp_path, text))

    assert refused.value.code == "profile.malformed"


GOOD = '[[rule]]\ncode = "institution.x"\nfor = "item"\nfield = "title"\nfix = "x"\n'


@pytest.mark.parametrize(
    "rule",
    [
        "",
        GOOD,
        GOOD + "required = true\nmax_length = 3\n",
        GOOD + 'pattern = "("\n',
        GOOD + "required = false\n",
        GOOD + 'required = true\nseverity = "fatal"\n',
        GOOD.replace("institution.x", "item.x") + "required = true\n",
        GOOD.replace('"item"', '"file"') + "required = true\n",
        GOOD.replace('fix = "x"', "") + "required = true\n",
    ],
)
def test_an_invalid_rule_file_is_refused(tmp_path: Path, rule: str) -> None:
    folder = own(tmp_path, 'extends = "as-delivered"\nrule_files = ["house"]\n', house=rule)

    with pytest.raises(InvalidProfile, match=r"rules/house\.toml") as refused:
        profile.resolve("mine", folder)

    assert refused.value.code == "profile.rules-malformed"


def test_branches_of_profiles_are_those_of_the_table_of_steps() -> None:
    required = {step.name for step in pipeline.STEPS if step.branch and not step.after_branch}
    all_of_them = {step.name for step in pipeline.STEPS if step.branch}
    base = profile.resolve("as-delivered")

    for names, field in ((required, "required_branches"), (all_of_them, "optional_branches")):
        made = Profile.model_validate({**base, field: sorted(names)})
        assert getattr(made, field) == tuple(sorted(names))


def test_a_profile_may_extend_one_that_extends_another(tmp_path: Path):
    folder = a_folder(tmp_path, {"mine.toml": 'extends = "metamorfoze-extra-light"\n'})

    resolved = profile.resolve("mine", folder)

    assert resolved["formats"] == ["tiff", "jpeg"]
    assert (resolved["foreign_icc"], resolved["missing_icc"]) == ("refuse", "refuse")
    assert resolved["min_resolution_dpi"] == 300


def test_shipped_profiles_that_extend_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {"one.toml": 'extends = "other"\n', "other.toml": 'extends = "one"\n'}
    monkeypatch.setattr(profile, "SHIPPED", a_folder(tmp_path, files))

    with pytest.raises(InvalidProfile, match="which extends it"):
        profile.resolve("one")
