"""Rows as comma-separated values that a spreadsheet can open safely."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from infra.escaping import escaped

FORMULA = ("=", "+", "-", "@")
"""Begins a formula in a spreadsheet."""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV (RFC 4180) with a heading; control characters are escaped.

    A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return target.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = escaped(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text
