"""Judges the texts of a package of layout 2; like judge.py, it imports nothing of the line."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pypdf
from lxml import etree

HOCR_WORD = re.compile(r"""<span class=['"]ocrx_word['"][^>]*>(.*?)</span>""", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
ALTO4 = "{http://www.loc.gov/standards/alto/ns-v4#}"


def alto_words(path: Path) -> list[str]:
    """The words of an ALTO whose blocks are in reading order; a HYP belongs to the word before."""
    words: list[str] = []
    for line in etree.parse(str(path)).iterfind(".//{*}TextLine"):
        own = [one.get("CONTENT", "") for one in line.iterfind("{*}String")]
        hyphen = "".join(one.get("CONTENT", "") for one in line.iterfind("{*}HYP"))
        words += (" ".join(own) + hyphen).split()
    return words


def hocr_words(path: Path) -> list[str]:
    """The words of an hOCR."""
    spans = HOCR_WORD.findall(path.read_text("utf-8"))
    return [html.unescape(TAG.sub("", span)) for span in spans]


def text_faults(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """The faults in the texts of a page, by use of its files: a rule and what was found."""
    if "alto" not in files:
        return
    words = alto_words(files["alto"])
    if files["text"].read_text("utf-8").split() != words:
        yield "text.words", "the plain text has other words than the ALTO"
    if "hocr" in files and hocr_words(files["hocr"]) != words:
        yield "text.words", "the hOCR has other words than the ALTO"
    if "hocr" in files:
        yield from _alto_faults(etree.parse(str(files["alto"])).getroot())


def _alto_faults(root: etree._Element) -> Iterator[tuple[str, str]]:
    """An ALTO that the line made has an order, no blanks, and complete words at line ends."""
    for line in root.iterfind(f".//{ALTO4}TextLine"):
        strings = line.findall(f"{ALTO4}String")
        if not strings or line[0].tag != f"{ALTO4}String":
            yield "alto.blank", f"line {line.get('ID')} does not begin with a word"
        if line.find(f"{ALTO4}HYP") is not None and not strings[-1].get("SUBS_CONTENT"):
            yield "alto.hyphen", f"line {line.get('ID')} has a HYP without SUBS_CONTENT"
    blocks = root.findall(f".//{ALTO4}TextBlock")
    following = [block.get("IDNEXT") for block in blocks]
    if following != [*(block.get("ID") for block in blocks[1:]), *([None] if blocks else [])]:
        yield "alto.order", f"blocks are followed by {following}"
    if not root.findtext(f".//{ALTO4}Processing//{ALTO4}softwareName"):
        yield "alto.step", "no processing step names its software"


def pdf_faults(pdf: Path, pages: list[tuple[str | None, Path | None]]) -> Iterator[tuple[str, str]]:
    """The faults of an item's PDF; of each page its label, and its ALTO if it has one."""
    reader = pypdf.PdfReader(pdf)
    if len(reader.pages) != len(pages):
        yield "pdf.pages", f"{len(reader.pages)} pages, not {len(pages)}"
        return
    for number, (page, has, (label, alto)) in enumerate(
        zip(reader.pages, reader.page_labels, pages, strict=True), 1
    ):
        if has != label:
            yield "pdf.label", f"page {number} is {has!r}, not {label!r}"
        if page.extract_text().split() != (alto_words(alto) if alto else []):
            yield "pdf.text", f"page {number} has other words than its ALTO"
        if [image.image.mode for image in page.images if image.image] not in (["RGB"], ["L"]):
            yield "pdf.image", f"page {number} has no image in colour or grey"
    root = reader.root_object
    if "/StructTreeRoot" not in root or "/OutputIntents" not in root:
        yield "pdf.form", "it is not tagged, or has no output intent"
    dates = [key for key in reader.metadata or {} if "Date" in key]
    if dates or b"Date" in root["/Metadata"].get_object().get_data():
        yield "pdf.date", f"it states a date: {dates}"
