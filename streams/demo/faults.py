"""A manifest with three faults, as other scanning software might write it."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from processors.rules.body_digest import body_digest
from processors.tools import Area
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, Head, Producer
from streams.clients.station.publishing import publisher
from streams.demo.collection import FAULTS, DemoDelivery
from streams.kafka.client import STATION
from streams.settings import Settings
from streams.storage.factory import open_storage
from streams.uploads.upload_record import write_record

FAULT_CODES = ("page.sequence-duplicate", "manifest.file-count-mismatch", "batch.page-missing")
"""The codes that pre-flight must report for it, all at once."""


def faulty_manifest(delivery: DemoDelivery) -> tuple[bytes, list[Path]]:
    """The bytes of the manifest, and the delivered files: all that it lists except the last."""
    images = sorted(delivery.folder.rglob("f*.tif"))
    pages = [_page(number, path, delivery.folder) for number, path in enumerate(images, 1)]
    pages[-1]["sequence"] = pages[-2]["sequence"]
    item = {"item_id": f"{FAULTS}.loose", "title": "Loose leaves", "languages": ["eng"]}
    body: dict[str, Any] = {
        "batch_id": delivery.batch_id,
        "scanner_profile": "as-delivered",
        "file_count": len(pages) + 7,
        "metadata_schema": "DublinCore",
        "items": [item | {"pages": pages}],
    }
    body["checksums"] = {"manifest_sha256": body_digest(body)}
    return json.dumps(body, ensure_ascii=False, indent=1).encode(), images[:-1]


def _page(number: int, path: Path, root: Path) -> dict[str, Any]:
    content = path.read_bytes()
    file = {
        "path": str(path.relative_to(root)),
        "sha256": sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    return {"ref": f"{number:04d}", "sequence": number, "file": file}


def submit_faulty(delivery: DemoDelivery, settings: Settings) -> None:
    """Store and publish the faulty batch, without the checks of `station submit`."""
    content, files = faulty_manifest(delivery)
    storage = open_storage(settings)
    for path in files:
        storage.keep(path, area=Area.STAGING, use="capture", media_type="image/tiff")
    stored = storage.keep(content, area=Area.STAGING, use="manifest", media_type="application/json")
    write_record(storage, settings.signing_key(STATION), stored)
    digest = json.loads(content)["checksums"]["manifest_sha256"]
    fact = BatchSubmitted(
        head=Head(
            event_id=ids.make_id(delivery.batch_id, digest),
            batch_id=delivery.batch_id,
            revision=1,
            occurred_at=datetime.now(UTC),
            producer=Producer(name="demo-station", version="1"),
        ),
        manifest_sha256=digest,
        station="demo-station",
        files=(stored,),
    )
    publisher(settings)(topic_of("BatchSubmitted").name, delivery.batch_id, encode(fact))
