"""Tesseract's answer about the script of a page is a hint; only Latin script can be certain."""

from pathlib import Path

import pytest

from processors.ocr import engine, languages
from processors.ocr.script_detection import SeenScript, script_of

TOLD = "Orientation in degrees: 0\nScript: {}\nScript confidence: {}\n"


@pytest.mark.parametrize(
    ("told", "seen", "is_latin"),
    [
        (TOLD.format("Greek", "5.15"), SeenScript("Greek", 5.15), False),
        (TOLD.format("Latin", "0.12"), SeenScript("Latin", 0.12), False),
        (TOLD.format("Latin", "45.71"), SeenScript("Latin", 45.71), True),
        (TOLD.format("Fraktur", "2.53"), SeenScript("Fraktur", 2.53), True),
    ],
)
def test_the_answer_has_a_script_and_a_confidence(
    monkeypatch: pytest.MonkeyPatch, told: str, seen: SeenScript, is_latin: bool
):
    monkeypatch.setattr(engine, "installed_models", lambda: frozenset({"osd"}))
    monkeypatch.setattr(engine, "detect_script", lambda *_, **__: told)

    found = script_of(Path("page.tif"), dpi=300, timeout_seconds=1)

    assert (found, found and found.is_latin) == (seen, is_latin)


@pytest.mark.parametrize("installed", [frozenset({"eng"}), frozenset({"osd"})])
def test_without_the_model_or_enough_text_there_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, installed: frozenset[str]
):
    monkeypatch.setattr(engine, "installed_models", lambda: installed)
    monkeypatch.setattr(engine, "detect_script", lambda *_, **__: "")

    assert script_of(Path("page.tif"), dpi=300, timeout_seconds=1) is None


@pytest.mark.parametrize("model", ["Greek", "script/Cyrillic", "rus", "heb", "Arabic"])
def test_models_of_other_scripts_are_known(model: str):
    assert languages.reads_other_script(model)


@pytest.mark.parametrize("model", ["eng", "lat", "Fraktur", "script/Latin", "deu_latf"])
def test_models_of_latin_script_and_blackletter_are_not_among_them(model: str):
    assert not languages.reads_other_script(model)
