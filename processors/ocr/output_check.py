"""Whether Tesseract's outputs are whole: it does not look whether the last bytes of a file came to
the disk, and ends as if all were well when that was full (seen with 5.3.0)."""

import unicodedata
from collections.abc import Mapping

from processors.ocr.words import words_of
from processors.outcome import ToolCrashed

ENDS = {".xml": b"</alto>", ".hocr": b"</html>", ".pdf": b"%%EOF"}
STRING = b"<String "


def check_complete(outputs: Mapping[str, bytes]) -> None:
    """Look at the outputs of one pass, by suffix, TSV and ALTO among them. Text and TSV have no
    mark at their ends, but the words of the ALTO. Raises ToolCrashed, which is tried again."""
    for suffix, end in ENDS.items():
        if not outputs.get(suffix, end).rstrip().endswith(end):
            raise _not_whole(suffix)
    if not outputs[".tsv"].endswith(b"\n"):
        raise _not_whole(".tsv")
    words = words_of(outputs[".tsv"]).all
    if len(words) != outputs[".xml"].count(STRING):
        raise _not_whole(".tsv")
    if ".txt" in outputs:
        text = outputs[".txt"].decode("utf-8", "replace")
        if _letters(text) < sum(_letters(word.text) for word in words):
            raise _not_whole(".txt")


def _letters(text: str) -> int:
    """Characters, without whitespace and marks of direction, which differ from output to output."""
    return sum(not each.isspace() and unicodedata.category(each) != "Cf" for each in text)


def _not_whole(suffix: str) -> ToolCrashed:
    return ToolCrashed(
        f"tesseract succeeded, but its {suffix} output is truncated, as on a full disk"
    )
