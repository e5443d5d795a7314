"""Deliveries and decisions that make a line write every kind of fact, each with a few small pages."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from tests.support import pages
from tests.support.delivery import INTAKE, NO_EVENT, NO_FACT, SUBMITTED, submission
from tests.support.reader import encoded
from tests.support.running_line import Line, wait_for
from tests.support.signing import signed

ASKED = ("--by", "p-4", "--reason", "as the curator says")
CAPTURED = "digitization.page.captured.v1"
PAGE_CAPTURED_SCHEMA = 2
METS = """<?xml version="1.0" encoding="UTF-8"?>
<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
<mets:fileSec>
<mets:fileGrp USE="DEFAULT">
<mets:file ID="I1" MIMETYPE="image/tiff"><mets:FLocat LOCTYPE="URL" xlink:href="f1.tif"/></mets:file>
<mets:file ID="I2" MIMETYPE="image/tiff"><mets:FLocat LOCTYPE="URL" xlink:href="f2.tif"/></mets:file>
</mets:fileGrp>
<mets:fileGrp USE="FULLTEXT">
<mets:file ID="T1" MIMETYPE="text/xml"><mets:FLocat LOCTYPE="URL" xlink:href="f1.xml"/></mets:file>
<mets:file ID="T2" MIMETYPE="text/xml"><mets:FLocat LOCTYPE="URL" xlink:href="f2.xml"/></mets:file>
</mets:fileGrp>
</mets:fileSec>
<mets:structMap TYPE="LOGICAL"><mets:div ID="L0" TYPE="monograph" LABEL="The ledger">
<mets:div ID="L1" TYPE="chapter" LABEL="Of the paper"/>
<mets:div ID="L2" TYPE="chapter" LABEL="Of the ink"/>
</mets:div></mets:structMap>
<mets:structMap TYPE="PHYSICAL"><mets:div ID="P0" TYPE="physSequence">
<mets:div ID="P1" TYPE="page" ORDER="1" ORDERLABEL="i"><mets:fptr FILEID="I1"/><mets:fptr FILEID="T1"/></mets:div>
<mets:div ID="P2" TYPE="page" ORDER="2" ORDERLABEL="ii"><mets:fptr FILEID="I2"/><mets:fptr FILEID="T2"/></mets:div>
</mets:div></mets:structMap>
<mets:structLink>
<mets:smLink xlink:from="L0" xlink:to="P0"/>
<mets:smLink xlink:from="L1" xlink:to="P1"/>
<mets:smLink xlink:from="L2" xlink:to="P2"/>
</mets:structLink>
</mets:mets>
"""
ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
<Description><MeasurementUnit>pixel</MeasurementUnit></Description>
<Layout><Page ID="page_1" PHYSICAL_IMG_NR="1" WIDTH="620" HEIGHT="800">
<PrintSpace HPOS="0" VPOS="0" WIDTH="620" HEIGHT="800">
<TextBlock ID="block_1" HPOS="50" VPOS="60" WIDTH="300" HEIGHT="40">
<TextLine ID="line_1" HPOS="50" VPOS="60" WIDTH="300" HEIGHT="40">
<String ID="word_1" CONTENT="Page" HPOS="50" VPOS="60" WIDTH="60" HEIGHT="40"/>
</TextLine></TextBlock></PrintSpace></Page></Layout></alto>
"""


@dataclass(frozen=True)
class FailingTesseract:
    """A tesseract that comes first on PATH and fails as often as it is asked to."""

    folder: Path

    def install(self) -> str:
        """Write the program; returns the PATH that finds it first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        program = self.folder / "tesseract"
        program.write_text(
            "#!/bin/sh\n"
            f'PATH="{os.environ["PATH"]}"; left="{self.folder}/left"\n'
            'case "$1" in --*) exec tesseract "$@" ;; esac\n'
            'n=$(cat "$left" 2>/dev/null || echo 0)\n'
            '[ "$n" -gt 0 ] || exec tesseract "$@"\n'
            'echo $((n - 1)) >"$left"; echo "no memory for the model" >&2; exit 3\n'
        )
        program.chmod(0o755)
        return f"{self.folder}:{os.environ['PATH']}"

    def fail(self, times: int) -> None:
        """Let the next readings fail."""
        (self.folder / "left").write_text(f"{times}\n")


@dataclass(frozen=True)
class Material:
    """Hands varied deliveries over to a line; folder is where they are written."""

    line: Line
    folder: Path

    def deliver(self, batch_id: str, *more: str) -> dict[str, Any]:
        """Submit the folder of a batch and wait; what came of it."""
        answer = self.line.run(*submission(self.folder / batch_id, batch_id, *more), "--json")
        assert answer.document, f"{answer}\n{self.line.logs()}"
        told: dict[str, Any] = answer.document
        return told

    def items(self, batch_id: str, first: int, damaged: Sequence[str], *sound: str) -> None:
        """Write items of two pages each; the second page of a damaged one is cut in half."""
        for number, name in enumerate([*damaged, *sound]):
            item = pages.write_item(self.folder / batch_id / name, 2, first=first + 2 * number)
            if name in damaged:
                pages.damage(item / "f2.tif")

    def record(self, batch_id: str, item: str = "") -> str:
        """The open quarantine record of an item, or of the batch."""
        rows = self.line.ask("quarantine", "list", "--batch", batch_id, "--state", "open")
        (found,) = [row["quarantine_id"] for row in rows if (row["item_id"] or "").endswith(item)]
        return str(found)

    def wait_until(self, batch_id: str, **figures: object) -> None:
        """Wait until `status` shows these figures of a batch."""
        self.line.wait_for_figures(batch_id, seconds=60, **figures)

    def chapters_and_text(self, batch_id: str, name: str, first: int) -> None:
        """Write an item with a METS of two chapters, and ALTO beside each page."""
        item = pages.write_item(self.folder / batch_id / name, 2, first=first)
        (item / "dc.xml").unlink()
        (item / "mets.xml").write_text(METS)
        for page in ("f1.xml", "f2.xml"):
            (item / page).write_text(ALTO)

    def damaged_and_decided(self, batch_id: str) -> None:
        """Damaged pages: one released with a file, one withdrawn, one item rejected, one left open."""
        self.chapters_and_text(batch_id, "vol-m", first=41)
        damaged = ("vol-f", "vol-o", "vol-r", "vol-w")
        self.items(batch_id, 1, damaged, "vol-a")
        assert len(self.deliver(batch_id, "--operator", "o-17")["quarantined"]) == len(damaged)
        replacement = pages.write_page(self.folder / "again" / "f2.tif", 2)
        released = self.record(batch_id, "vol-f")
        self.line.ask("quarantine", "release", released, "--file", replacement, *ASKED)
        self.line.ask("quarantine", "withdraw", self.record(batch_id, "vol-w"), *ASKED)
        rejected = self.record(batch_id, "vol-r")
        self.line.ask("quarantine", "reject", rejected, *ASKED)
        self.line.ask("quarantine", "release", rejected, *ASKED, code=1)
        self.wait_until(batch_id, packaged=8, quarantined=2, cancelled=2)

    def refused_and_corrected(self, batch_id: str) -> None:
        """A refused manifest, corrected with --release; then another one under the same batch_id."""
        item = pages.write_item(self.folder / batch_id / "vol-k", 1, first=61)
        (item / "item.json").write_text('{"languages": ["xx-nonsense"]}')
        assert self.deliver(batch_id)["state"] == "refused"
        (item / "item.json").write_text('{"languages": ["eng"], "title": "Corrected"}')
        assert self.deliver(batch_id, "--release", self.record(batch_id))["state"] == "settled"
        (item / "item.json").write_text('{"languages": ["eng"], "title": "Another"}')
        assert self.deliver(batch_id)["state"] == "refused"

    def failing_tool(self, batch_id: str, tool: FailingTesseract) -> None:
        """Deferrals that end well, deferrals that end in quarantine, and a release without a file."""
        self.items(batch_id, 71, (), "vol-t")
        tool.fail(2)
        assert self.deliver(batch_id)["state"] == "settled"
        lasting = f"{batch_id}-lasting"
        pages.write_item(self.folder / lasting / "vol-u", 1, first=75)
        tool.fail(1000)
        assert len(self.deliver(lasting)["quarantined"]) == 1
        tool.fail(0)
        self.line.ask("quarantine", "release", self.record(lasting, "vol-u"), *ASKED)
        self.wait_until(lasting, packaged=1)

    def controlled(self, batch_id: str) -> None:
        """A batch that waits for its time: priority, pause, resume, cancel, each by a person."""
        self.items(batch_id, 81, (), "vol-n")
        (words,) = [
            [word for word in submission(self.folder / batch_id, batch_id) if word != "--wait"]
        ]
        self.line.ask(*words, "--not-before", "2126-01-01T00:00+00:00")
        self.wait_until(batch_id, registered=2)
        self.line.ask("batch", "priority", batch_id, "rush", *ASKED)
        for action in ("pause", "resume", "cancel"):
            self.line.ask("batch", action, batch_id, *ASKED)
        self.wait_until(batch_id, cancelled=2)
        self.line.ask("batch", "cancel", batch_id, *ASKED, code=1)

    def answered(self, accepted: str, refused: str) -> None:
        """Answers of a repository to two packages."""
        self.line.ask("packages", "receive", accepted, "--accepted")
        self.line.ask("packages", "receive", refused, "--refused", "--reason", "the shelf is full")

        def states() -> list[str]:
            return [self.line.ask("packages", "show", one)["state"] for one in (accepted, refused)]

        wait_for(lambda: states() == ["accepted", "refused"], 30, lambda: str(states()))

    def captured(self, batch_id: str) -> None:
        """A capture of a page whose batch has not been submitted."""
        body = {
            "head": {
                "event_id": str(uuid4()),
                "cause_id": None,
                "batch_id": batch_id,
                "item_id": f"{batch_id}.vol-p",
                "page_id": f"{batch_id}.vol-p:0001",
                "revision": 1,
                "occurred_at": datetime.now(UTC),
                "producer": {"name": "scanner software", "version": "3"},
            },
            "sequence": 1,
            "device_make": "Acme",
            "device_model": "Overhead",
            "device_serial": "7",
            "resolution_dpi": 300.0,
            "operator": "o-17",
            "replaces": None,
            "files": [],
            "acts": [],
        }
        key = body["head"]["page_id"].encode()  # type: ignore[index]
        self._send(CAPTURED, key, encoded(body, PAGE_CAPTURED_SCHEMA))
        self.line.wait_for_figures(batch_id, seconds=30, state="uploading")

    def unreadable(self) -> None:
        """Messages of others that are no facts: one for the router, one for the sealer."""
        self._send(SUBMITTED, b"who knows", NO_FACT)
        self._send(INTAKE, b"x", NO_EVENT)
        rows = lambda: self.line.ask("quarantine", "list", "--code", "message.undecodable")  # noqa: E731
        wait_for(lambda: len(rows()) == 1, 30, lambda: str(rows()))

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        producer = Producer({**self.line.kafka.client})
        headers = signed(self.line.home, topic, key, value)
        producer.produce(topic, value, key=key, headers=headers)
        assert producer.flush(20) == 0


def answers(line: Line, but: Sequence[str] = ()) -> dict[str, Any]:
    """What the line answers about its batches, packages, quarantine, persons and audit log.

    Batches can be left out."""
    batches = [row for row in line.ask("status")["batches"] if row["batch_id"] not in but]
    packages = [row for row in line.ask("packages", "list") if row["batch_id"] not in but]
    quarantine = [row for row in line.ask("quarantine", "list") if row["batch_id"] not in but]
    return {
        "batches": batches,
        "packages": [line.ask("packages", "show", row["package_id"]) for row in packages],
        "quarantine": quarantine,
        "persons": line.ask("person", "list"),
        "audit": {row["batch_id"]: line.ask("audit", "batch", row["batch_id"]) for row in batches},
    }
