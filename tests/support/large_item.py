"""Assembles an item of many small pages in a process of its own, and prints what it took."""

import json
import sys
import time
from pathlib import Path

from processors.tools import Tools
from schemas.models import ItemCompleted, PackagePublished
from streams.storage.local import LocalStorage
from tests.support.package_builders import a_completed_item, a_page_entry, published

COMPLETED, PREMIS = "completed.json", "data/metadata/premis.xml"


def build(home: Path, count: int) -> None:
    """Write the facts and files of an item of this many pages, in layout 2 without PDF."""
    tools = _tools(home)
    pages = tuple(a_page_entry(number) for number in range(1, count + 1))
    profile = {"package": {"pdf": False}}
    item = a_completed_item(tools, pages=pages, layout=2, profile=profile)
    (home / COMPLETED).write_text(item.model_dump_json())


def assemble(home: Path) -> PackagePublished:
    """Assemble the item."""
    item = ItemCompleted.model_validate_json((home / COMPLETED).read_bytes())
    return published(item, _tools(home))


def _tools(home: Path) -> Tools:
    scratch = home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return Tools(storage=LocalStorage(home), scratch=scratch)


def _peak_bytes() -> int:
    """The peak of memory of this process; getrusage would count that of the process before exec."""
    status = Path("/proc/self/status").read_text()
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def main(home: Path) -> None:
    """Print seconds of processor time, peak of memory, and the key of the tar, as JSON."""
    # On a quiet machine it takes little longer; on another, the clock says more about the machine.
    started = time.process_time()
    package = assemble(home)
    seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "peak_bytes": _peak_bytes(), "key": package.key}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
