"""Writes the PDF of some pages of an unpacked package."""

from collections.abc import Collection
from pathlib import Path

from processors.imaging.decoding_result import Undecodable
from processors.pdf.item_pdf import write_pdf
from processors.pdf.pages_of_bag import Bag, NoPackage
from processors.xml.parser import XmlRefused


class NotWritten(RuntimeError):
    """The PDF cannot be made; the message says what was found."""


def write_pdf_of_pages(bag: Path, numbers: Collection[int], target: Path) -> int:
    """Write the pages with these numbers, and return how many there are. Raises NotWritten and
    OSError; then, and without pages, there is no file."""
    draft = target.with_name(f".{target.name}.part")
    try:
        package = Bag(bag)
        count = write_pdf(draft, package.description(), package.chosen(numbers))
        if count:
            draft.replace(target)
        return count
    except NoPackage as wrong:
        raise NotWritten(str(wrong)) from None
    except (Undecodable, XmlRefused) as wrong:
        raise NotWritten(f"a page in {bag} cannot be read: {wrong}") from None
    finally:
        draft.unlink(missing_ok=True)
