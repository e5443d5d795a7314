"""Rows of a large audit log: a collection that was digitized at an even pace, from a seed."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg

from processors.premis import event_type_uri
from schemas import ids
from streams.projector.row_writer import PARTITION_ROWS
from streams.projector.rows import QUERY, Row, copy_in

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PACE = timedelta(milliseconds=1300)
"""Between two events: two million are a month."""
PAGES_OF_AN_ITEM = 40
ITEMS_OF_A_BATCH = 25
BODY_BYTES = 420
CHUNK = 10_000
STEPS = (
    ("PageAdmitted", "tracker", (("admission", None),)),
    (
        "PageAcquired",
        "acquire_page",
        (("ingestion", None), ("fixity check", None), ("validation", "libvips 8.18.7")),
    ),
    ("PageDerived", "derive_page", (("creation", None), ("creation", "libvips 8.18.7"))),
    (
        "PageRecognized",
        "recognize_page",
        (("transcription", None), ("creation", "tesseract 5.3.0")),
    ),
    (
        "PageDescribed",
        "describe_page",
        (("metadata extraction", None), ("metadata extraction", "exiftool 12.57")),
    ),
)
CODE = "page.not-decodable"


def audit_rows(seed: int = 1) -> Iterator[Row]:
    """Rows in the order of the columns of audit.events, without an end."""
    draw = random.Random(seed)
    for seq, event in enumerate(_events(draw)):
        moment = BEGIN + seq * PACE
        yield (
            *(seq, moment, bytes(32), draw.randbytes(BODY_BYTES)),
            *(ids.premis_id(event["fact_id"], event["ordinal"]), event["fact_id"]),
            *(event["batch_id"], event["item_id"], event["page_id"], 1, moment, event["fact"]),
            *(event["ordinal"], event["type"], event_type_uri(event["type"])),
            *(event["outcome"], event["code"], event["detail"], json.dumps(event["agents"])),
            *(event["sources"], event["results"], f"copystand/{event['step']}", "0.2.0"),
        )


def fill(connection: psycopg.Connection[Any], count: int) -> None:
    """Put this many rows into the tables, as the projector does."""
    rows = audit_rows()
    for first in range(0, count, CHUNK):
        chunk = list(islice(rows, min(CHUNK, count - first)))
        with connection.transaction(), connection.cursor() as cursor:
            copy_in(cursor, chunk)
            cursor.execute(
                "UPDATE audit.projector_position SET last_seq = %s", [first + len(chunk) - 1]
            )
        if (first + CHUNK) % PARTITION_ROWS == 0:
            connection.execute(QUERY("make_partitions"))
            connection.execute(QUERY("note_times"))
    connection.execute("VACUUM ANALYZE audit.events")


def page_name(number: int) -> tuple[str, str, str]:
    """Batch, item and page of a number."""
    item = number // PAGES_OF_AN_ITEM
    batch_id = f"b-{item // ITEMS_OF_A_BATCH}"
    item_id = f"{batch_id}.i-{item}"
    return batch_id, item_id, f"{item_id}:{number % PAGES_OF_AN_ITEM + 1:04d}"


def master_of(number: int) -> str:
    """The object of a page's master."""
    return _object("master", number)


def _object(kind: str, number: int) -> str:
    name = ids.make_id(kind, number).replace("-", "")
    return f"sha256:{name}{name[::-1]}"


def _events(draw: random.Random) -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        yield from _of_page(number, draw)
        number += 1
        if number % PAGES_OF_AN_ITEM == 0:
            yield from _of_item(number - 1)


def _of_page(number: int, draw: random.Random) -> Iterator[dict[str, Any]]:
    batch_id, item_id, page_id = page_name(number)
    about = {"batch_id": batch_id, "item_id": item_id, "page_id": page_id}
    admitted = acquired = ids.make_id(page_id, 1, "PageAdmitted")
    bad = draw.random() < 0.005
    for record, step, acts in STEPS:
        before = admitted if record == "PageAcquired" else acquired
        fact_id = ids.fact_id(ids.work_id(before, step), record)
        fact_id = admitted if record == "PageAdmitted" else fact_id
        acquired = fact_id if record == "PageAcquired" else acquired
        for ordinal, (kind, program) in enumerate(acts):
            yield _event(about, record, step, fact_id, ordinal, kind, program, number)
        if bad and record == "PageAcquired":
            work = ids.work_id(acquired, "derive_page")
            failed = ids.fact_id(work, "WorkQuarantined")
            event = _event(about, "WorkQuarantined", step, failed, 0, "quarantine", None, number)
            person = {"type": "person", "name": f"p-{number % 50}", "role": "authorizer"}
            yield event | {"outcome": "fai", "code": CODE, "agents": [*event["agents"], person]}


def _of_item(number: int) -> Iterator[dict[str, Any]]:
    batch_id, item_id, _ = page_name(number)
    about = {"batch_id": batch_id, "item_id": item_id, "page_id": None}
    completed = ids.make_id(item_id, 1, "ItemCompleted")
    package = ids.fact_id(ids.work_id(completed, "assemble_package"), "PackagePublished")
    yield _event(about, "ItemCompleted", "tracker", completed, 0, "completion", None, number)
    kind = "information package creation"
    yield _event(about, "PackagePublished", "assemble_package", package, 0, kind, None, number)


def _event(
    about: dict[str, Any],
    record: str,
    step: str,
    fact_id: str,
    ordinal: int,
    kind: str,
    program: str | None,
    number: int,
) -> dict[str, Any]:
    names = [f"copystand/{step} 0.2.0", *([program] if program else [])]
    agents = [
        {"type": "software", "name": name, "version": version, "role": "executing program"}
        for name, version in (one.split(" ") for one in names)
    ]
    worker = f"worker-{number % 7:08x}"
    agents.append({"type": "software", "name": worker, "version": None, "role": "implementer"})
    made = {"PageAcquired": master_of(number), "PageAdmitted": master_of(number)}
    sources = [f"page:{about['page_id']}"] if ordinal == 0 else [master_of(number)]
    results = [made[record]] if record in made and ordinal == 0 else []
    if record not in made:
        results = [_object(record, number)]
    detail = "Structure checked, every pixel decoded: 2480 x 3508 pixels of 3 x 8 bit, sRGB."
    return {
        **about,
        **{"fact": record, "step": step, "fact_id": fact_id, "ordinal": ordinal, "type": kind},
        **{"outcome": "suc", "code": None, "detail": detail, "agents": agents},
        **{"sources": sources, "results": results},
    }
