"""`packages pdf`: the PDF of some pages of a package."""

from pathlib import Path

import click

from processors.pdf.page_numbers import page_numbers
from streams.console import Exit, emit, fail, json_option, out

FETCH = "Fetch the package: copystand packages fetch PACKAGE_ID FOLDER"


@click.command(name="pdf")
@click.argument("bag", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--pages",
    "numbers",
    required=True,
    metavar="LIST",
    help="Numbers of pages in the order of the item (ORDER in METS), such as 3-7,12.",
)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.",
)
@json_option
def pdf(bag: Path, numbers: str, target: Path, as_json: bool) -> None:
    """Write a searchable PDF (PDF/A-2u) of some pages of the unpacked package in BAG."""
    try:
        chosen = page_numbers(numbers)
    except ValueError:
        fail(Exit.USAGE, f"--pages {numbers} is not a list of page numbers", "Example: 3-7,12")
    # Loaded now, because libvips would slow the start of every other command.
    from processors.pdf.pdf_of_pages import NotWritten, write_pdf_of_pages

    try:
        count = write_pdf_of_pages(bag, chosen, target)
    except NotWritten as wrong:
        fail(Exit.FAILED, str(wrong), FETCH)
    except OSError as wrong:
        fail(Exit.FAILED, f"the PDF was not written: {wrong}", "Check free space and permissions.")
    if not count:
        found = f"the package has no pages {numbers} with an access image"
        fail(Exit.FAILED, found, "See ORDER of the pages in data/metadata/mets.xml.")
    document = {"file": str(target), "pages": count}
    emit(document, as_json, lambda _: out.print(f"{target}: {count} {_pages(count)}"))


def _pages(count: int) -> str:
    return "page" if count == 1 else "pages"
