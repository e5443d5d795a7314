"""Prints how many files metsrw reads from METS files, or why it does not, as JSON by file.

Run by the Python of its judge: read_by_metsrw.py METS…
"""

import json
import sys

import metsrw


def main() -> None:
    """Number of files, or the error."""
    found: dict[str, int | str] = {}
    for file in sys.argv[1:]:
        try:
            entries = metsrw.METSDocument.fromfile(file).all_files()
            found[file] = sum(entry.type == "Item" for entry in entries)
        except Exception as wrong:
            found[file] = f"{type(wrong).__name__}: {wrong}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
