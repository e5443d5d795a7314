"""Languages and scripts lead to the models that are installed."""

from processors.ocr import languages
from processors.ocr.languages import MissingModel

INSTALLED = frozenset({"eng", "deu", "fra", "lat", "Fraktur", "osd"})


def test_both_codes_of_a_language_lead_to_one_model():
    assert languages.models_for(["ger"], None, INSTALLED) == ("deu",)
    assert languages.models_for(["deu"], None, INSTALLED) == ("deu",)


def test_german_in_fraktur_is_read_with_the_fraktur_model():
    assert languages.models_for(["ger"], "Latf", INSTALLED) == ("Fraktur",)


def test_finds_models_of_scripts_in_their_own_folder():
    assert languages.models_for(["ger"], "Latf", {"script/Fraktur"}) == ("script/Fraktur",)


def test_falls_back_to_the_older_fraktur_model():
    assert languages.models_for(["ger"], "Latf", {"frk", "deu"}) == ("frk",)


def test_keeps_the_order_of_languages_and_names_each_model_once():
    models = languages.models_for(["fre", "ger", "fra"], "Latn", INSTALLED)

    assert models == ("fra", "deu")


def test_reads_a_language_without_a_model_with_that_of_its_script():
    assert languages.models_for(["got"], "Latn", {"script/Latin"}) == ("script/Latin",)


def test_a_script_can_choose_between_models_of_one_language():
    assert languages.candidates_for("chi", "Hant") == ("chi_tra",)


def test_an_unknown_code_is_told_and_no_crash():
    missing = languages.missing_models(["xyz"], None, INSTALLED)

    assert missing == (MissingModel("xyz", ()),)
    assert not languages.known("xyz")
    assert languages.models_for(["xyz"], None, INSTALLED) == ()


def test_a_model_that_is_not_installed_is_named():
    assert languages.missing_models(["rus"], None, INSTALLED) == (MissingModel("rus", ("rus",)),)


def test_no_linguistic_content_needs_no_model():
    assert languages.known("zxx")
    assert languages.missing_models(["zxx"], None, INSTALLED) == ()


def test_knows_scripts():
    assert languages.known_script("Latf")
    assert not languages.known_script("Fraktur")
