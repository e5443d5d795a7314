"""Codes of what a station can find in a folder, beside those of pre-flight."""

from processors.rules.codes import Code, diagnostic
from schemas.models import Diagnostic

CODES: dict[str, Code] = {
    "folder.nothing-readable": Code(
        "fatal", "Give a folder of images (TIFF, JPEG, PNG), or a folder of such folders."
    ),
    "folder.link": Code("fatal", "Put the file itself in place of the link."),
    "folder.special-file": Code("fatal", "Take it out of the folder."),
    "folder.name-not-utf8": Code("fatal", "Rename it; names must be UTF-8."),
    "folder.nested-too-deep": Code(
        "fatal",
        "Folders in the delivery are its items and hold files only: "
        "move these files up, or submit {above} by itself.",
    ),
    "folder.images-beside-items": Code(
        "fatal",
        "Move the images into a folder of their own, or submit the folders one by one: "
        "a delivery is one item, or a folder of items.",
    ),
    "folder.without-images": Code(
        "warn", "If pages belong here, add them and submit again; else nothing need be done."
    ),
    "file.unreadable": Code("fatal", "Give yourself the right to read it, or mend the medium."),
    "file.changed-meanwhile": Code("fatal", "Wait until the scan is finished, then submit again."),
    "file.left-out": Code(
        "warn", "Nothing, if it is not part of the delivery; else see docs/manifest.md."
    ),
    "checksum.mismatch": Code(
        "fatal", "Copy the file again from its source; the list or the file is damaged."
    ),
    "checksum.file-missing": Code("fatal", "Add the file, or take it out of the list."),
    "checksum.list-unreadable": Code(
        "fatal", "Write one line for each file: digest, two spaces, path."
    ),
    "checksum.file-unlisted": Code("warn", "Make the list again, so that it covers every file."),
    "bag.malformed": Code("fatal", "Make the bag again with a BagIt tool (RFC 8493)."),
    "bag.incomplete": Code("fatal", "Add the file, or make the bag again."),
    "bag.file-unlisted": Code("fatal", "Take the file out, or make the bag again."),
    "bag.oxum-mismatch": Code("fatal", "Compare with the sender: files were lost or added."),
    "item-json.unreadable": Code("fatal", "Write item.json as one JSON object in UTF-8."),
    "item-json.field-refused": Code(
        "fatal", "Take it out: pages come from the files and pages.csv, records from the folder."
    ),
    "pages-csv.unreadable": Code(
        "fatal", "Write pages.csv in UTF-8, its first line: file,sequence,kind,labels,languages"
    ),
    "pages-csv.column-unknown": Code("warn", "Correct the column's name, or take it out."),
    "pages-csv.file-missing": Code("error", "Add the file, or give the row the kind `missing`."),
    "pages-csv.text-missing": Code("error", "Add the text (ALTO), or leave the cell empty."),
    "pages-csv.file-unlisted": Code("warn", "Add a row; the page was put after those listed."),
    "record.made-by-station": Code(
        "info", "Add a METS, MODS or DC record to the folder if there is one."
    ),
    "record.of-no-item": Code("warn", "Move the record into the folder of its item."),
    "batch.id-taken": Code("warn", "Give another --batch-id."),
    "item.already-delivered": Code(
        "warn", "Say in item.json what it is: `replaces` or `supplements` the item delivered."
    ),
}


def finding(code: str, where: str, found: object, **fills: str) -> Diagnostic:
    """A diagnostic of a known code. Raises KeyError for an unknown one."""
    return diagnostic(code, CODES[code], where, found, **fills)


def is_fatal(diagnostic: Diagnostic) -> bool:
    """Whether nothing may be published."""
    return diagnostic.severity == "fatal"
