"""Assembles an item of many small pages, and prints what it took as JSON."""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    published,
)

PDF_OF_PAGE = b"/data/download/"


def main(count: int) -> None:
    """Assemble an item of this many pages in layout 2. The builder also makes a PDF of each page,
    which is not counted as PREMIS."""
    with tempfile.TemporaryDirectory() as folder:
        tools = memory_tools(Path(folder))
        pages = tuple(a_page_entry(number) for number in range(1, count + 1))
        item = a_completed_item(tools, pages=pages, layout=2)
        started = time.monotonic()
        package = published(item, tools)
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        premis = files_of(package, tools)["data/metadata/premis.xml"].splitlines(keepends=True)
    size = sum(len(line) for line in premis if PDF_OF_PAGE not in line)
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "premis_bytes": size}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
