"""`python -m streams.ingest.manifest_files MANIFEST FILE`: writes the digests of the files that a
manifest names for its items into a file."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from processors.route import SHA256
from processors.rules.document import MAX_BYTES, read_document

NOT_A_MANIFEST = 3
MOST_MEMORY_BYTES = 4 << 30


def named_files(content: bytes) -> set[str]:
    """The digests that a manifest names anywhere in its items. Raises ValueError if it is not a
    manifest."""
    document, found = read_document(content)
    if document is None:
        raise ValueError(found[0].found)
    items = document.get("items")
    if not isinstance(items, list):
        raise ValueError("it has no items")
    # More than the files that are used does no harm; one less would be taken without proof.
    return {digest for digest in _digests(items) if SHA256.match(digest)}


def _digests(value: Any) -> Iterator[str]:
    level = [value]
    while level:
        one = level.pop()
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level += [inner for inner in inside if isinstance(inner, dict | list)]
        if isinstance(one, dict) and isinstance(one.get("sha256"), str):
            yield one["sha256"]


def main() -> int:
    """Write one digest in a line; or, with exit code 3, why the file is not a manifest."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    file, answer = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has {file.stat().st_size} bytes, at most {MAX_BYTES}")
        digests = named_files(file.read_bytes())
    except ValueError as wrong:
        answer.write_text(str(wrong)[:500], "utf-8")
        return NOT_A_MANIFEST
    answer.write_text("\n".join(sorted(digests)), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
