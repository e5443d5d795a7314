"""Writes log_of_083590e.json.xz: facts and sealed log of a line of version 0.1.0 (commit 083590e).

It runs that version's own program on varied material and keeps what the topics hold then. Make it
again only if the file is lost: events of that version must keep their bytes for ever.

    git worktree add /tmp/083590e 083590e && make -C /tmp/083590e install
    .venv/bin/python -m tests.data.make_log_of_083590e /tmp/083590e/.venv/bin/copystand
"""

import json
import lzma
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.reader import FACTS_THAT_OWE, PREMIS, Raw
from tests.support.running_line import Line
from tests.support.varied_material import FailingTesseract, Material, answers
from tests.support.whole_log import read_when_quiet

KEPT = Path(__file__).with_name("log_of_083590e.json.xz")


def main() -> None:
    """Run the line, and keep its facts and its log."""
    command = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="copystand-083590e-") as scratch:
        tool = FailingTesseract(Path(scratch) / "bin")
        line = Line(Path(scratch) / "home", [command], PATH=tool.install())
        try:
            line.up()
            drive(Material(line, Path(scratch) / "deliveries"), tool)
            raws, report = read_when_quiet(line)
            assert report.faults() == [], report.faults()
            keep(raws, answers(line))
        finally:
            line.down()


def drive(material: Material, tool: FailingTesseract) -> None:
    """All kinds of material, once."""
    material.line.ask("person", "add", "Ada Example")
    material.damaged_and_decided("old-damaged")
    material.refused_and_corrected("old-corrected")
    material.failing_tool("old-tool", tool)
    material.controlled("old-controlled")
    material.answered("old-damaged.vol-a.v1", "old-damaged.vol-m.v1")
    material.captured("old-captured")
    material.unreadable()


def keep(raws: Sequence[Raw], answered: dict[str, Any]) -> None:
    """Write the facts that owe events, the sealed log, and what the commands answered."""
    wanted = {*FACTS_THAT_OWE, PREMIS}
    messages = [
        [
            *(raw.topic, raw.partition, raw.offset, text(raw.key), text(raw.value)),
            [[name, text(value)] for name, value in raw.headers],
        ]
        for raw in raws
        if raw.topic in wanted
    ]
    document = {"messages": messages, "answers": answered}
    plain = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    KEPT.write_bytes(lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME))


def text(value: bytes | None) -> str | None:
    """Bytes as text, one character for each byte."""
    return None if value is None else value.decode("latin-1")


if __name__ == "__main__":
    main()
