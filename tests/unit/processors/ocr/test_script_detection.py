"""The script that an engine detects is a hint; only Latin script can be certain."""

from pathlib import Path

import pytest

from processors.ocr import installation, languages
from processors.ocr.engine import DetectedScript, engine_named
from processors.ocr.orientation import Image
from processors.ocr.script_detection import described, is_certainly_latin, script_of


@pytest.mark.parametrize(
    ("seen", "is_latin"),
    [
        (DetectedScript("Greek", 5.15), False),
        (DetectedScript("Latin", 0.12), False),
        (DetectedScript("Latin", 45.71), True),
        (DetectedScript("Fraktur", 2.53), True),
    ],
)
def test_latin_script_is_certain_from_a_confidence_on(seen: DetectedScript, is_latin: bool):
    assert is_certainly_latin(seen) is is_latin
    assert described(seen) == f"{seen.name}, confidence {seen.confidence}"


def test_without_the_model_no_script_is_detected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(installation, "installed_models", lambda: frozenset({"eng"}))
    missing = Image(engine_named("pytesseract"), Path("no such file"), 300, ("eng",), 1)

    assert script_of(missing) is None


@pytest.mark.parametrize("model", ["Greek", "script/Cyrillic", "rus", "heb", "Arabic"])
def test_models_of_other_scripts_are_known(model: str):
    assert languages.reads_other_script(model)


@pytest.mark.parametrize("model", ["eng", "lat", "Fraktur", "script/Latin", "deu_latf"])
def test_models_of_latin_script_and_blackletter_are_not_among_them(model: str):
    assert not languages.reads_other_script(model)
