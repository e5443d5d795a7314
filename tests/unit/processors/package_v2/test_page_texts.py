"""The text files of pages in a package of layout 2."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from processors.ocr.agreement import hocr_words
from processors.ocr.page_text import page_text
from processors.package.contents import Contents, contents_of
from processors.package.item_record import read_item
from processors.package.layout import Payload
from processors.package_v2.page_texts import with_packaged_texts
from processors.tools import Tools
from tests.support.alto_pages import alto_page, block
from tests.support.package_builders import a_completed_item, a_page_entry, memory_tools
from tests.support.package_documents import MODS

LINES = ["Der Ver-", "faſſer"]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def packaged(tools: Tools, page: dict[str, Any], **changes: Any) -> Contents:
    item = read_item(a_completed_item(tools, pages=(page,), layout=2, **changes), tools)
    return with_packaged_texts(item, contents_of(item), tools)


def content_of(payload: Payload, tools: Tools) -> bytes:
    if isinstance(payload.source, Path):
        return payload.source.read_bytes()
    return tools.storage.read(payload.stored)


def test_alto_hocr_and_text_agree_word_by_word(tools: Tools):
    contents = packaged(tools, a_page_entry(1, lines=LINES))

    files = {one.use: content_of(one, tools) for one in contents.payloads}
    words = list(page_text(etree.fromstring(files["alto"]), (1, 1)).words())
    assert words == ["Der", "Ver-", "faſſer"]
    assert files["text"].decode().split() == words
    assert hocr_words(files["hocr"]) == words


def test_the_alto_has_the_language_of_the_page_and_complete_words(tools: Tools):
    contents = packaged(tools, a_page_entry(1, lines=LINES, languages=["ger"]))

    (alto,) = (one for one in contents.payloads if one.use == "alto")
    root = etree.fromstring(content_of(alto, tools))
    assert root.findtext(".//{*}fileName") == "vol-1_0001.tif"
    assert root.find(".//{*}TextBlock").get("LANG") == "de"
    assert [one.get("SUBS_CONTENT") for one in root.iter("{*}String")][1:] == ["Verfaſſer"] * 2
    assert (alto.path, alto.sha256) != ("", "") and alto.size_bytes == len(content_of(alto, tools))
    assert alto.event_id is None


@pytest.mark.parametrize("languages", [[], ["lat", "ger"], ["und"]])
def test_a_page_without_exactly_one_language_names_none(tools: Tools, languages: list[str]):
    contents = packaged(tools, a_page_entry(1, lines=LINES, languages=languages))

    (alto,) = (one for one in contents.payloads if one.use == "alto")
    assert b"LANG" not in content_of(alto, tools)


def test_pdfs_of_single_pages_are_left_out(tools: Tools):
    contents = packaged(tools, a_page_entry(1, lines=LINES))

    assert "pdf" not in {one.use for one in contents.payloads}


def test_a_delivered_alto_is_there_as_it_was_delivered_and_as_its_twin(tools: Tools):
    page = a_page_entry(1, lines=LINES, text={"path": "texts/mods.xml"})
    records = (("MODS", "vol-1/mods.xml", MODS),)
    contents = packaged(tools, page, records=records)

    delivered = alto_page([block("b1", LINES, 5, 5)], width=100, height=200)
    by_use = {one.use: one for one in contents.payloads}
    as_it_was, twin = by_use["delivered-alto"], by_use["alto"]
    assert content_of(as_it_was, tools) == delivered
    assert as_it_was.path == "data/metadata/submitted/mods_2.xml"
    assert as_it_was.original_name == "texts/mods.xml"
    expected = delivered.replace(b"scan.tif", b"vol-1_0001.tif")
    assert content_of(twin, tools).partition(b"?>")[2].strip() == expected


def test_the_same_item_gives_the_same_files_again(tools: Tools):
    page = a_page_entry(1, lines=LINES)

    first, second = (packaged(tools, page, run=run) for run in ("run-1", "run-22"))

    assert [(one.path, one.sha256) for one in first.payloads] == [
        (one.path, one.sha256) for one in second.payloads
    ]
