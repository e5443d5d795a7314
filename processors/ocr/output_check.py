"""Checks that the outputs of Tesseract are complete: with a full disk, version 5.3.0 writes
truncated files and succeeds."""

import unicodedata
from collections.abc import Mapping

from processors.ocr.words import words_of
from processors.outcome import ToolCrashed

END_MARKS = {".xml": b"</alto>", ".hocr": b"</html>", ".pdf": b"%%EOF"}
STRING = b"<String "


def check_complete(outputs: Mapping[str, bytes]) -> None:
    """Check the outputs of one run, by suffix. Raises ToolCrashed, so that the work is retried.

    TSV and text have no end mark; they are compared with the words of the ALTO."""
    for suffix, end in END_MARKS.items():
        if not outputs.get(suffix, end).rstrip().endswith(end):
            raise _truncated(suffix)
    if not outputs[".tsv"].endswith(b"\n"):
        raise _truncated(".tsv")
    words = words_of(outputs[".tsv"]).all
    if len(words) != outputs[".xml"].count(STRING):
        raise _truncated(".tsv")
    if ".txt" in outputs:
        text = outputs[".txt"].decode("utf-8", "replace")
        if _letters(text) < sum(_letters(word.text) for word in words):
            raise _truncated(".txt")


def _letters(text: str) -> int:
    """Number of characters without whitespace and direction marks, which differ between outputs."""
    return sum(not each.isspace() and unicodedata.category(each) != "Cf" for each in text)


def _truncated(suffix: str) -> ToolCrashed:
    return ToolCrashed(
        f"tesseract succeeded, but its {suffix} output is truncated, as on a full disk"
    )
