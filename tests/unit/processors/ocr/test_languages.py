"""Languages and scripts select the installed models."""

import pytest

from processors.ocr import languages
from processors.ocr.languages import MissingModel

INSTALLED = frozenset({"eng", "deu", "fra", "lat", "Fraktur", "osd"})


def test_both_codes_of_a_language_give_the_same_model():
    assert languages.models_for(["ger"], None, INSTALLED) == ("deu",)
    assert languages.models_for(["deu"], None, INSTALLED) == ("deu",)


def test_german_in_fraktur_is_read_with_the_fraktur_model():
    assert languages.models_for(["ger"], "Latf", INSTALLED) == ("Fraktur",)


def test_finds_models_of_scripts_in_the_script_folder():
    assert languages.models_for(["ger"], "Latf", {"script/Fraktur"}) == ("script/Fraktur",)


def test_falls_back_to_the_older_fraktur_model():
    assert languages.models_for(["ger"], "Latf", {"frk", "deu"}) == ("frk",)


def test_keeps_the_order_of_languages_without_duplicate_models():
    models = languages.models_for(["fre", "ger", "fra"], "Latn", INSTALLED)

    assert models == ("fra", "deu")


def test_a_language_without_a_model_uses_that_of_its_script():
    assert languages.models_for(["got"], "Latn", {"script/Latin"}) == ("script/Latin",)


def test_a_script_selects_between_models_of_one_language():
    assert languages.candidates_for("chi", "Hant") == ("chi_tra",)


def test_an_unknown_code_is_reported():
    missing = languages.missing_models(["xyz"], None, INSTALLED)

    assert missing == (MissingModel("xyz", ()),)
    assert not languages.known("xyz")
    assert languages.models_for(["xyz"], None, INSTALLED) == ()


def test_a_model_that_is_not_installed_is_named():
    assert languages.missing_models(["rus"], None, INSTALLED) == (MissingModel("rus", ("rus",)),)


def test_no_linguistic_content_needs_no_model():
    assert languages.known("zxx")
    assert languages.missing_models(["zxx"], None, INSTALLED) == ()


def test_scripts_are_those_of_iso_15924():
    assert languages.known_script("Latf")
    assert not languages.known_script("Fraktur")


@pytest.mark.parametrize(
    ("code", "form"), [("deu", "ger"), ("fra", "fre"), ("ger", "ger"), ("lat", "lat")]
)
def test_bibliographic_codes_are_those_of_iso_639_2_b(code: str, form: str):
    assert languages.bibliographic(code) == form


@pytest.mark.parametrize(
    ("codes", "script", "is_stated"),
    [
        ((), None, False),
        (("und",), "Latn", False),
        (("mul", "mis"), None, False),
        (("und", "ger"), None, True),
        (("zxx",), None, True),
        ((), "Latf", True),
    ],
)
def test_a_language_or_a_script_states_the_model(
    codes: tuple[str, ...], script: str | None, is_stated: bool
):
    assert languages.is_stated(codes, script) == is_stated


def test_codes_that_state_nothing_are_not_read():
    assert languages.to_read(("und", "ger", "mul")) == ("ger",)
    assert languages.to_read(()) == ("und",)


def test_a_model_of_a_script_is_not_the_own_model_of_a_language():
    assert languages.own_model_of("deu", ("eng", "deu")) == "deu"
    assert languages.own_model_of("gsw", ("eng", "deu")) == "deu"
    assert languages.own_model_of("arg", ("eng", "lat")) is None
