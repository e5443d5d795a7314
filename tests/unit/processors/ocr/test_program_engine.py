"""What the program Tesseract reports is understood."""

from pathlib import Path

import pytest

from processors.ocr import program_engine
from processors.ocr.engine import DetectedScript

REPORT = "Orientation in degrees: 0\nScript: {}\nScript confidence: {}\n"


@pytest.mark.parametrize(
    ("report", "seen"),
    [
        (REPORT.format("Greek", "5.15"), DetectedScript("Greek", 5.15)),
        (REPORT.format("Latin", "45.71"), DetectedScript("Latin", 45.71)),
        ("", None),
    ],
)
def test_the_report_about_a_script_has_a_name_and_a_confidence(
    monkeypatch: pytest.MonkeyPatch, report: str, seen: DetectedScript | None
):
    monkeypatch.setattr(program_engine, "_script_report", lambda *_: report)

    assert program_engine.ENGINE.detect_script(Path("p"), dpi=300, timeout_seconds=1) == seen
