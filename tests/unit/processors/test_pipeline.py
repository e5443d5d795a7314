"""The table of steps: whole, and light to read."""

import inspect
import subprocess
import sys
import typing

import pytest

from processors.pipeline import STEPS, Step


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.work)
def test_the_function_of_a_row_takes_what_the_row_says(step: Step):
    first = next(iter(inspect.signature(step.function).parameters))

    assert typing.get_type_hints(step.function)[first] is step.takes


def test_who_only_asks_how_the_line_stands_loads_no_imaging_and_no_ocr():
    heavy = "{'pyvips', 'pytesseract', 'numpy', 'lxml', 'faust', 'confluent_kafka', 'pydantic'}"
    program = f"import sys, streams.cli.status, streams.monitoring.status; print(*sorted({heavy} & set(sys.modules)))"

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == []
