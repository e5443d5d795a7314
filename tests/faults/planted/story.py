"""What happens in the line in one process: every way that a page, an item and a batch can go."""

import hashlib
import json
from contextlib import suppress
from typing import Any

import psycopg

from processors.tools import Area
from schemas import ids
from schemas.catalogue import key_of, topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, ControlRequested, FileRef, Head, Producer, Record
from streams.topology import TRACKER_INPUTS
from streams.tracker.process_manager import ProcessManager, Superseded
from tests.faults.planted.roles import incoming
from tests.faults.planted.steps import BAD, HANGS, STUCK
from tests.faults.planted.world import World
from tests.support.builders import NOON
from tests.support.reader import decoded

MISSING = b""
GOOD, ODD, STOPPED, REFUSED, NEXT = "b-good", "b-odd", "b-stop", "b-refused", "b-next"
BATCHES: dict[str, dict[str, list[bytes]]] = {
    GOOD: {"g-1": [b"one", MISSING, b"three"], "g-2": [b"four", HANGS]},
    STOPPED: {"s-1": [b"five", b"six"]},
    ODD: {
        "o-fix": [b"seven", BAD + b" fix"],
        "o-tool": [b"eight", STUCK],
        "o-less": [b"nine", BAD + b" less"],
        "o-no": [BAD + b" no"],
        "o-held": [b"ten", BAD + b" held"],
        "G-1": [b"again", b"and again"],
    },
    NEXT: {"g-2": [b"four again", b"new", b"newer"], "s-1": [b"five again"]},
}
"""Bytes of the pages of each item of each batch; G-1 is a second delivery of g-1. The items of the
last one replace those that were packaged and cancelled."""
BY = {"by": "p-4", "reason": "as the curator says"}


class Story:
    """Tells a world what stations and people do, and lets it come to rest in between."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acknowledged: list[str] = []

    def tell(self) -> None:
        """Everything, to the end."""
        zombie = self.a_stopped_tracker()
        self.submit(GOOD, BATCHES[GOOD])
        self.submit(REFUSED, {}, faulty=True)
        self.world.rest()
        self.submit(STOPPED, BATCHES[STOPPED], not_before="2999-01-01T00:00:00Z")
        self.submit(ODD, BATCHES[ODD])
        self.world.broker.append(topic_of("PageAdmitted").name, "poison", b"no fact of ours")
        self.world.rest()
        self.world.settling, self.world.steps.repaired = ODD, True
        self.ask("cancel", f"batch:{STOPPED}")
        self.ask("release", self.record("o-tool:0002"))
        self.world.rest()
        corrected = self._stored(b"rescanned")
        self.ask("release", self.record("o-fix:0002"), value="new.tif", files=(corrected,))
        self.ask("withdraw", self.record("o-less:0002"))
        self.ask("reject", self.record("o-no:0001"))
        self.submit(NEXT, BATCHES[NEXT], replaces=True)
        self.world.rest()
        self.wake(zombie)
        self.world.rest()

    def a_stopped_tracker(self) -> ProcessManager:
        """A tracker that was stopped as soon as it had read something."""
        conn = psycopg.connect(self.world.dsn("tracker"), autocommit=True)
        line = ProcessManager(conn, self.world.storage, "1")
        line.take_over()
        line.next_offsets([(topic, 0) for topic in TRACKER_INPUTS])
        return line

    def wake(self, zombie: ProcessManager) -> None:
        """It goes on with what it had read, and is told that it has been succeeded."""
        first = self.world.broker.topics[topic_of("PageAcquired").name][:3]
        with zombie.conn, suppress(Superseded):
            zombie.process([incoming(raw) for raw in first])

    def submit(
        self,
        batch_id: str,
        items: dict[str, list[bytes]],
        faulty: bool = False,
        not_before: str | None = None,
        replaces: bool = False,
    ) -> None:
        """A station stores its files and its manifest, publishes, and is told that it is taken."""
        documents = [self._item(name, pages, replaces) for name, pages in items.items()]
        document = {"items": documents, "faulty": faulty, "not_before": not_before}
        manifest = json.dumps(document, sort_keys=True).encode()
        digest = hashlib.sha256(manifest).hexdigest()
        file = self.world.storage.keep(
            manifest, area=Area.STAGING, use="manifest", media_type="application/json"
        )
        head = self._head(ids.make_id(batch_id, digest), batch_id)
        self._publish(BatchSubmitted(head=head, manifest_sha256=digest, files=(file,)))
        self.acknowledged.append(batch_id)

    def ask(self, action: str, subject: str, **more: Any) -> None:
        """A person asks for something."""
        event_id = ids.make_id("request", action, subject)
        head = self._head(event_id, subject.partition(":")[2])
        request = ControlRequested(head=head, action=action, subjects=(subject,), **BY, **more)
        self._publish(request)

    def record(self, page_id: str) -> str:
        """The last quarantine record of a page, as a request names it."""
        raws = self.world.broker.topics[topic_of("WorkQuarantined").name]
        found = [fact for fact in map(decoded, raws) if fact.body["head"]["page_id"] == page_id]
        return f"quarantine:{found[-1].event_id if found else ids.make_id('no record', page_id)}"

    def _item(self, item_id: str, pages: list[bytes], replaces: bool) -> dict[str, Any]:
        entries = [self._entry(number, content) for number, content in enumerate(pages, 1)]
        item = {"item_id": item_id, "identifiers": [], "title": item_id, "languages": ["eng"]}
        item |= {"replaces": item_id} if replaces else {}
        return {"item": item, "pages": entries, "records": [], "batch": {}}

    def _entry(self, sequence: int, content: bytes) -> dict[str, Any]:
        ref = f"{sequence:04d}"
        file = self._stored(content) if content else None
        stored = file and file.model_dump(include={"key", "sha256", "size_bytes", "media_type"})
        return {
            "ref": ref,
            "sequence": sequence,
            "kind": "page" if file else "missing",
            "layout": "single",
            "labels": [],
            "languages": ["eng"],
            "script": "Latn",
            "capture": None,
            "file": stored and stored | {"path": f"{ref}.tif"},
        }

    def _stored(self, content: bytes) -> FileRef:
        return self.world.storage.keep(
            content, area=Area.STAGING, use="capture", media_type="image/tiff"
        )

    def _head(self, event_id: str, batch_id: str) -> Head:
        by = Producer(name="copystand/station", version="1")
        return Head(event_id=event_id, batch_id=batch_id, revision=1, occurred_at=NOON, producer=by)

    def _publish(self, fact: Record) -> None:
        topic = topic_of(type(fact).__name__).name
        self.world.broker.append(topic, key_of(fact), encode(fact))
