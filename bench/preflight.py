"""Seconds and peak memory of pre-flight for a batch of N pages on the local store."""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODS = (
    b'<mods xmlns="http://www.loc.gov/mods/v3" version="3.8">'
    b"<titleInfo><title>Bench</title></titleInfo></mods>"
)


def main() -> int:
    """Makes the batch, judges it in a process of its own, prints one line."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--pages", type=int, default=100_000)
    told.add_argument("--items", type=int, default=10)
    told.add_argument("--folder", type=Path, help="Where the store is made; default: temporary.")
    told.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    given = told.parse_args()
    if given.judge:
        return _judge(given.judge)
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        began = time.monotonic()
        _make(Path(home), given.pages, given.items)
        made = time.monotonic() - began
        print(f"{given.pages} pages in {given.items} items staged in {made:.0f} s", file=sys.stderr)
        child = [sys.executable, "-m", "bench.preflight", "--judge", home]
        return subprocess.run(child, check=False).returncode


def _make(home: Path, pages: int, items: int) -> None:
    """Tiny distinct files straight into staging, and the manifest with the fact beside them."""
    from processors.rules.body_digest import body_digest

    listed = [_item(home, number, pages // items) for number in range(1, items + 1)]
    body = {
        "batch_id": "bench",
        "scanner_profile": "as-delivered",
        "file_count": items + items * (pages // items),
        "metadata_schema": "MODS",
        "items": listed,
    }
    digest = body_digest(body)
    manifest = json.dumps({**body, "checksums": {"manifest_sha256": digest}}).encode()
    stored = _put(home, manifest)
    (home / "announced.json").write_text(json.dumps([digest, stored, len(manifest)]))


def _item(home: Path, number: int, pages: int) -> dict[str, object]:
    name = f"bench-{number:03d}"
    record = {"role": "descriptive", "schema": "MODS", "version": "3.8"}
    listed = []
    for page in range(1, pages + 1):
        content = f"{name} {page}".encode()
        file = {"path": f"{name}/{page:05d}.tif", "sha256": _put(home, content)}
        listed.append(
            {
                "ref": f"{page:05d}",
                "sequence": page,
                "kind": "page",
                "layout": "single",
                "labels": [f"p. {page}"],
                "languages": None,
                "capture": None,
                "file": {**file, "size_bytes": len(content)},
            }
        )
    mods = {"path": f"{name}/mods.xml", "sha256": _put(home, MODS), "size_bytes": len(MODS)}
    return {
        "item_id": name,
        "identifiers": [{"type": "shelfmark", "value": name}],
        "title": "Bench",
        "languages": ["eng"],
        "metadata": [{**record, "file": mods}],
        "pages": listed,
    }


def _put(home: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    path = home / "staging" / "sha256" / digest[:2] / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def _judge(home: Path) -> int:
    from infra.standards import present, standards_folder
    from processors import pipeline
    from processors.outcome import Done, subject
    from processors.tools import Tools, staging_key
    from schemas.models import BatchReceived, FileRef
    from streams.storage.local import LocalStorage

    digest, stored, size = json.loads((home / "announced.json").read_text())
    manifest = FileRef(
        use="manifest",
        key=staging_key(stored),
        sha256=stored,
        size_bytes=size,
        media_type="application/json",
    )
    batch = BatchReceived(head=subject("bench"), manifest_sha256=digest, files=(manifest,))
    standards = standards_folder() if present() else None
    tools = Tools(LocalStorage(home), home, standards=standards)
    step = next(one for one in pipeline.STEPS if one.name == "validate_batch")
    before = _peak_megabytes()
    began = time.monotonic()
    outcome = step.function(batch, tools)
    seconds = time.monotonic() - began
    peak = _peak_megabytes()
    said = f"accepted, {len(outcome.facts)} facts" if isinstance(outcome, Done) else repr(outcome)
    print("| manifest MB | seconds | MB before | MB at the peak | outcome |\n|---|---|---|---|---|")
    print(f"| {size / 1e6:.1f} | {seconds:.1f} | {before:.0f} | {peak:.0f} | {said[:200]} |")
    return 0 if isinstance(outcome, Done) else 1


def _peak_megabytes() -> float:
    """Of this process since its start; getrusage would count its parent's from before the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
