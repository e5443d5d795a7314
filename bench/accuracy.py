"""Error rates of the texts that a paired run made, on both sides."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from lxml import etree

from bench.common import copystand
from streams.demo.accuracy import character_error_rate


def text_of_alto(path: Path) -> str:
    """The text of an ALTO file, line by line."""
    lines = etree.parse(str(path)).getroot().iter("{*}TextLine")
    return "\n".join(
        " ".join(word.get("CONTENT", "") for word in line.iter("{*}String")) for line in lines
    )


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Paths in the order in which the station numbers pages: f2 before f10."""
    parts = {path: re.split(r"(\d+)", path.name) for path in paths}
    return sorted(
        paths,
        key=lambda path: [(int(one), "") if one.isdigit() else (0, one) for one in parts[path]],
    )


def truths(pages: Sequence[Path], folder: Path | None) -> list[str] | None:
    """The truth of each page: NAME.txt or NAME.xml (ALTO) in a folder; that of made pages lies
    beside them. None if there is none."""
    if folder is not None:
        stems = [folder / page.name.partition(".")[0] for page in in_order(pages)]
        found = [stem.with_suffix(".txt") for stem in stems]
        return [
            text.read_text("utf-8") if text.is_file() else text_of_alto(text.with_suffix(".xml"))
            for text in found
        ]
    made = pages[0].parents[2] / "truth"
    texts = sorted(made.rglob("*.txt"))
    return [text.read_text("utf-8") for text in texts] if len(texts) == len(pages) else None


def rate_of_line(home: Path, batch_id: str, expected: list[str]) -> float | None:
    """Error rate of the text in the package of a batch."""
    rows = json.loads(copystand(home, "packages", "list", "--json"))
    [package] = [row for row in rows if row["item_id"].startswith(f"{batch_id}.")]
    into = str(home / "fetched")
    answer = copystand(home, "packages", "fetch", package["package_id"], into, "--json")
    bag = Path(json.loads(answer)["path"])
    return _rate(expected, sorted((bag / "data" / "text").glob("*.txt")))


def rate_of_parallel(out: Path, expected: list[str]) -> float | None:
    """Error rate of the texts that bare Tesseract wrote."""
    return _rate(expected, in_order(list(out.glob("*.txt"))))


def _rate(expected: list[str], texts: list[Path]) -> float | None:
    read = (path.read_text("utf-8") for path in texts)
    return character_error_rate(zip(expected, read, strict=True))
