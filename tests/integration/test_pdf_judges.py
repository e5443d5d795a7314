"""PDFs of items before veraPDF and qpdf, which `make pdf` installs.

The packages are made by the step itself; only their facts are written by hand."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from infra import paths
from processors.acquire_page import acquire_page
from processors.ocr.agreement import agreeing_hocr, agreeing_text, hocr_words
from processors.ocr.packaged_alto import TextOrigin, recognized_alto, serialised_alto
from processors.ocr.page_text import page_text
from processors.outcome import Done
from processors.package.contents import contents_of
from processors.package.item_record import read_item
from processors.package_v2.page_texts import with_packaged_texts
from processors.package_v2.pdf_of_item import pdf_of_item
from processors.pdf.item_pdf import Description, Page, write_pdf
from processors.pdf.outline import Bookmark
from processors.pdf.page_image import PageImage
from processors.recognize_page import recognize_page
from processors.xml.parser import parse
from processors.xml.validate import validate
from tests.support.alto_pages import alto_page, block, root_of
from tests.support.corpora import corpus
from tests.support.imaging_builders import an_admitted_page, as_next_input
from tests.support.imaging_builders import memory_tools as imaging_tools
from tests.support.package_builders import PAGES, a_completed_item, a_page_entry, memory_tools
from tests.support.package_documents import jpeg
from tests.unit.processors.pdf.test_item_pdf import words_by_poppler, words_by_pypdf

VERAPDF = paths.cache_folder() / "verapdf-1.26.1"
PAGE_COUNT = 1500
MEMORY_LIMIT_MB = 300

pytestmark = pytest.mark.long


def judged(*pdfs: Path) -> dict[str, str]:
    """The answer of veraPDF for each PDF: `true` and the broken rules."""
    command = [paths.java_binary(), "-cp", f"{VERAPDF}/*{os.pathsep}{VERAPDF}", "PdfJudge"]
    done = subprocess.run(
        [*command, *map(str, pdfs)], capture_output=True, text=True, check=True, timeout=240
    )
    rows = (line.split("\t", 1) for line in done.stdout.splitlines())
    return {Path(path).name: answer for path, answer in rows}


def syntax_problems(pdf: Path) -> list[str]:
    """What qpdf finds."""
    with pikepdf.open(pdf) as opened:
        return list(opened.check_pdf_syntax())


def of_item(folder: Path, *pages: dict[str, Any], **description: Any) -> Path:
    """The PDF in the package of an item."""
    tools = memory_tools(folder)
    item = read_item(a_completed_item(tools, pages=pages, layout=2, **description), tools)
    contents = with_packaged_texts(item, contents_of(item), tools)
    chapters = (Bookmark("Erſter Teil", None, (Bookmark("Kapitel <1>", pages[0]["ref"]),)),)
    (pdf,) = pdf_of_item(item, contents, chapters, tools)
    assert isinstance(pdf.source, Path)
    return pdf.source


def test_the_pdfs_of_items_are_pdf_a_2u(tmp_path: Path):
    (image := tmp_path / "page.jpg").write_bytes(jpeg("0001"))
    lines = ["שלום עולם", "Ἐν ἀρχῇ ἦν", "vn\u0303 𝔄 ſ \ue5dc \ufeff", "Ver-", "faſſer"]
    heading = alto_page([block("a", lines, 10, 10).replace('ID="a"', 'ID="a" TAGREFS="t"')])
    tagged = heading.replace(
        b"<Layout>", b'<Tags><StructureTag ID="t" LABEL="heading"/></Tags><Layout>'
    )
    documents = [
        tagged,
        *(path.read_bytes() for path in sorted(corpus("gallicorpora-18e").glob("*/*.xml"))),
        *(path.read_bytes() for path in sorted(corpus("kant-1784").rglob("*_ALTO.xml"))),
        corpus("mets-vd18", "FULLTEXT_737438.xml").read_bytes(),
    ]
    pages = (
        Page(
            str(number),
            f"{number}\u017f",
            PageImage.of(image),
            (1000, 2000),
            300.0,
            page_text(root_of(one), (1, 1)),
        )
        for number, one in enumerate(documents)
    )
    written = tmp_path / "texts.pdf"
    write_pdf(written, Description("ms-1", "Träume & <mehr>", ("de", "la")), pages)
    plain = of_item(tmp_path / "plain", *PAGES, a_page_entry(5, lines=["Der Ver-", "faſſer"]))
    delivered = of_item(
        tmp_path / "delivered",
        a_page_entry(1, lines=["Delivered"], text={"path": "0001.xml"}),
        languages=[],
        title=None,
    )
    pdfs = [written, plain.rename(tmp_path / "plain.pdf"), delivered]

    assert judged(*pdfs) == {pdf.name: "true\t{}" for pdf in pdfs}
    assert [syntax_problems(pdf) for pdf in pdfs] == [[], [], []]


def test_a_real_reading_agrees_in_all_its_forms(tmp_path: Path):
    """A newspaper page with columns and divided words, as the step reads it."""
    tools = imaging_tools(tmp_path)
    content = corpus("tesseract", "8071_093.3B.tif").read_bytes()
    acquired = acquire_page(an_admitted_page(tools, content, name="8071.tif"), tools)
    assert isinstance(acquired, Done), acquired
    read = recognize_page(as_next_input(acquired.facts[0]), tools)
    assert isinstance(read, Done), read
    files = {file.use: tools.storage.read(file) for file in read.facts[0].files}

    root = recognized_alto(files["alto"], TextOrigin("vol-1_0001.tif", "en"))

    text = page_text(root, (1, 1))
    words = list(text.words())
    assert validate(parse(serialised_alto(root)), Path(".cache/standards")) == []
    assert agreeing_text(files["text"], text) == files["text"]
    assert agreeing_hocr(files["hocr"], text, "vol-1_0001.tif") == files["hocr"]
    assert files["text"].decode().split() == hocr_words(files["hocr"]) == words
    assert len(words) > 600
    divided = {one.get("SUBS_CONTENT") for one in root.iter("{*}String")}
    assert {"unconditional", "clergymen,", "encouragement."} <= divided
    (image := tmp_path / "page.jpg").write_bytes(jpeg("0001"))
    size = (round(text.width or 0), round(text.height or 0))
    page = Page("1", "1", PageImage.of(image), size, 300.0, text)
    target = tmp_path / "real.pdf"
    write_pdf(target, Description("a", "b", ("en",)), [page])
    assert judged(target) == {"real.pdf": "true\t{}"}
    assert words_by_poppler(target, "-raw") == words_by_pypdf(target) == [words]


def test_the_judge_finds_what_is_wrong(tmp_path: Path):
    pdf = of_item(tmp_path, a_page_entry(1, lines=["Wort"]))
    broken = tmp_path / "broken.pdf"
    with pikepdf.open(pdf) as opened:
        del opened.Root["/OutputIntents"]
        font = opened.pages[0].Resources.Font["/F1"]
        del font["/ToUnicode"]
        opened.save(broken)

    answer = judged(broken)["broken.pdf"]

    assert answer.startswith("false")
    assert "6.2.11.7.2-1" in answer and "6.2.4.3-2" in answer


def a_long_item(folder: Path) -> None:
    """Write a PDF of many pages, and print the highest memory use of this process."""
    (image := folder / "page.jpg").write_bytes(jpeg("0001"))
    blocks = [
        block(f"b{n}", ["Ein Satz von fünf Wörtern."] * 8, 10, 10 + n * 300) for n in range(5)
    ]
    content = alto_page(blocks, width=2000, height=3000)

    def pages() -> Iterator[Page]:
        for number in range(PAGE_COUNT):
            text = page_text(root_of(content), (1, 1))
            yield Page(str(number), str(number), PageImage.of(image), (2000, 3000), 300.0, text)

    bookmarks = tuple(
        Bookmark(f"Kapitel {number}", str(number)) for number in range(0, PAGE_COUNT, 10)
    )
    assert (
        write_pdf(folder / "long.pdf", Description("a", "b", ("de",), bookmarks), pages())
        == PAGE_COUNT
    )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def test_many_pages_need_little_memory(tmp_path: Path):
    code = "import sys; from pathlib import Path; from tests.integration.test_pdf_judges import a_long_item; a_long_item(Path(sys.argv[1]))"

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < MEMORY_LIMIT_MB
    assert judged(tmp_path / "long.pdf") == {"long.pdf": "true\t{}"}
    assert syntax_problems(tmp_path / "long.pdf") == []
