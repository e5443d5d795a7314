"""Writes content_digests.json: what the program in the argument makes of the 22 corpus pages.

`digests` are those of layout 1, which only test_corpora.py still makes; they are kept. `layout_2` is
written again. The content of a package must not change while the tools do not. Since version 0.1.0, three
decisions changed it: 29 (MODS has the bibliographic code `fre`; the bag keeps its bag-info.txt and
the identifier in its METS), 30 (pyramids have edges in the colours of the image) and 56 (the
library tesserocr reads the text; ALTO and PREMIS name its version and models).
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.e2e.test_corpora import CONTENT_DIGESTS
from tests.support.real_prints import a_bag_of_fraktur, a_french_play
from tests.support.running_line import Line
from tests.support.tool_versions import the_tools


def main() -> None:
    """Run the line on both corpora, and keep the content digest of each package."""
    with tempfile.TemporaryDirectory(prefix="copystand-083590e-") as scratch:
        line = Line(Path(scratch) / "home", [Path(sys.argv[1])])
        try:
            line.up()
            digests = {
                "play": a_french_play(line, Path(scratch) / "play").content_digest,
                "fraktur": a_bag_of_fraktur(line, Path(scratch) / "fraktur").content_digest,
            }
        finally:
            line.down()
    kept = json.loads(CONTENT_DIGESTS.read_text())["digests"]
    document = {"tools": asdict(the_tools()), "digests": kept, "layout_2": digests}
    CONTENT_DIGESTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
