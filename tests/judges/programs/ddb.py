"""Prints the findings of the DDB's Schematron in METS files, as JSON by file.

Run by the Python of its judge: ddb.py STYLESHEET METS…
"""

import json
import re
import sys

from lxml import etree
from saxonche import PySaxonProcessor

SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def main() -> None:
    """Role, rule and text of each failed assertion."""
    stylesheet, *files = sys.argv[1:]
    found: dict[str, list[list[str]]] = {}
    with PySaxonProcessor(license=False) as processor:
        program = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=stylesheet)
        for file in files:
            report = etree.fromstring(program.transform_to_string(source_file=file).encode())
            found[file] = [
                [
                    one.get("role") or "",
                    one.get("id") or "",
                    re.sub(r"\s+", " ", "".join(one.itertext())).strip()[:300],
                ]
                for one in report.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report")
            ]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
