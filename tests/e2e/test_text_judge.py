"""The judge of texts finds nothing in a good package, and whatever is planted in one."""

from pathlib import Path

import pikepdf
import pytest

from tests.support.package_builders import (
    PAGES,
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    published,
)
from tests.support.text_judge import pdf_faults, text_faults

TEXT = "data/text/vol-1_0005"
PDF = "data/download/vol-1.pdf"


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    tools = memory_tools(tmp_path / "home")
    pages = (*PAGES, a_page_entry(5, lines=["Der Ver-", "faſſer &c."]))
    package = published(a_completed_item(tools, pages=pages, layout=2), tools)
    for name, content in files_of(package, tools).items():
        path = tmp_path / "bag" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "bag"


def rules_of_texts(bag: Path) -> set[str]:
    suffixes = {"alto": "xml", "hocr": "hocr", "text": "txt"}
    files = {use: bag / f"{TEXT}.{suffix}" for use, suffix in suffixes.items()}
    return {rule for rule, _ in text_faults(files)}


def rules_of_pdf(bag: Path) -> set[str]:
    altos = {label: bag / f"data/text/vol-1_{label}.xml" for label in ("0001", "0002", "0005")}
    labels = dict(zip(altos, ("[1]", "1v 2r", "5r"), strict=True))
    pages = [(labels[ref], path) for ref, path in altos.items()]
    return {rule for rule, _ in pdf_faults(bag / PDF, pages)}


def test_a_package_without_faults(bag: Path):
    assert rules_of_texts(bag) == set()
    assert rules_of_pdf(bag) == set()


@pytest.mark.parametrize(
    ("suffix", "found", "planted", "rule"),
    [
        ("txt", "Der", "Die", "text.words"),
        ("hocr", ">Der<", ">Die<", "text.words"),
        ("hocr", "<span", "<span class='ocrx_word'> </span><span", "text.words"),
        ("xml", "<String", "<SP/><String", "alto.blank"),
        ("xml", ' SUBS_CONTENT="Verfaſſer"', "", "alto.hyphen"),
        ("xml", 'ID="b1"', 'ID="b1" IDNEXT="b1"', "alto.order"),
        ("xml", "softwareName", "softwareVersion", "alto.step"),
    ],
)
def test_a_planted_fault_in_a_text_is_found(
    bag: Path, suffix: str, found: str, planted: str, rule: str
):
    path = bag / f"{TEXT}.{suffix}"
    text = path.read_text("utf-8")
    assert found in text
    path.write_text(text.replace(found, planted), "utf-8")

    assert rules_of_texts(bag) == {rule}


def test_other_words_in_the_pdf_are_found(bag: Path):
    path = bag / f"{TEXT}.xml"
    path.write_text(path.read_text("utf-8").replace('"Der"', '"Die"'), "utf-8")

    assert rules_of_pdf(bag) == {"pdf.text"}


def test_a_pdf_that_lacks_something_is_found(bag: Path):
    with pikepdf.open(bag / PDF, allow_overwriting_input=True) as pdf:
        del pdf.Root["/PageLabels"]
        del pdf.Root["/OutputIntents"]
        del pdf.pages[2].Resources["/XObject"]
        pdf.docinfo["/CreationDate"] = "D:20200101"
        pdf.save()

    assert rules_of_pdf(bag) == {"pdf.label", "pdf.form", "pdf.image", "pdf.date"}


def test_a_pdf_without_a_page_is_found(bag: Path):
    with pikepdf.open(bag / PDF, allow_overwriting_input=True) as pdf:
        del pdf.pages[0]
        pdf.save()

    assert rules_of_pdf(bag) == {"pdf.pages"}
