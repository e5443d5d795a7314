"""Log lines: text from outside is a part of one line, and cannot write to a terminal."""

import json
import logging
import unicodedata
from typing import Any

import pytest

from streams.runtime.logs import FieldsFormatter, write_log_line

EVIL = "no\x1b]52;c;cm0=\x07\n2026-01-01T00:00:00.000Z INFO     forged\u202e\u2028\udcff"
CONTROLS = ("Cc", "Cf", "Cs", "Zl", "Zp")


def formatted(event: str = "package refused", **more: Any) -> str:
    record = logging.makeLogRecord({"msg": event, "name": "streams", "levelname": "INFO", **more})
    return FieldsFormatter().format(record)


def controls(text: str) -> list[str]:
    return [one for one in text.replace("\n", "") if unicodedata.category(one) in CONTROLS]


def test_a_field_is_json_on_the_same_line():
    line = formatted(reason=EVIL)

    assert controls(line) == [] and "\n" not in line
    assert json.loads(line[line.index("{") :]) == {"reason": EVIL}


def test_an_event_with_text_from_outside_stays_one_line():
    line = formatted("%s", args=(EVIL,))

    assert controls(line) == [] and "\n" not in line
    assert line.endswith(r"forged\u202e\u2028\udcff")


def test_an_error_is_indented_so_that_its_text_cannot_begin_a_line():
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        line = formatted(exc_info=(ValueError, error, error.__traceback__))

    first, *others = line.split("\n")
    assert first.endswith("package refused")
    assert len(others) > 3 and all(other.startswith("    ") for other in others)
    assert controls(line) == []


def test_a_line_of_the_supervisor_is_escaped(capsys: pytest.CaptureFixture[str]):
    write_log_line(f"worker did not start: {EVIL}")

    first, second = capsys.readouterr().err.splitlines()
    assert controls(first + second) == []
    assert second.startswith("    2026")
