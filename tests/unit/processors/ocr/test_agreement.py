"""Agreement of the forms of a page's text."""

from lxml import html

from processors.ocr.agreement import agreeing_hocr, agreeing_text, hocr_words, plain_text
from processors.ocr.page_text import page_text
from tests.support.alto_pages import alto_page, block, root_of

TEXT = page_text(
    root_of(alto_page([block("a", ["Der <Ver-", "faſſer"], 0, 0), block("b", ["&c."], 0, 500)])),
    (1, 1),
)
HOCR = (
    "<p><span class='ocrx_word' id='1' title='bbox 1 2 3 4'>Der</span>\n"
    "<span class='ocrx_word' id='2'>&lt;Ver-</span>\n{blank}"
    "<span class='ocrx_word' id='3'><strong>faſſer</strong></span>\n"
    "<span class='ocrx_word' id='4'>&amp;c.</span>\n</p>"
)
BLANK = "   <span class='ocrx_word' id='x'> </span>\n"


def test_what_agrees_is_unchanged():
    text, hocr = "Der <Ver-\nfaſſer\n\n\n&c.\n".encode(), HOCR.format(blank="").encode()

    assert agreeing_text(text, TEXT) == text
    assert agreeing_hocr(hocr, TEXT, "a.tif") == hocr


def test_blank_words_are_removed():
    found = agreeing_hocr(HOCR.format(blank=BLANK).encode(), TEXT, "a.tif")

    assert found == HOCR.format(blank="").encode()


def test_text_that_differs_is_written_from_the_alto():
    found = agreeing_text("\u200eDer Ver-\n".encode(), TEXT)

    assert found.decode() == "Der <Ver-\nfaſſer\n\n&c.\n"
    assert plain_text(page_text(root_of(alto_page([])), (1, 1))) == b""


def test_hocr_that_differs_is_written_from_the_alto():
    found = agreeing_hocr(b"<span class='ocrx_word'>Das</span>", TEXT, "a.tif")

    assert hocr_words(found) == list(TEXT.words())
    page = html.fromstring(found).find(".//div[@class='ocr_page']")
    assert page.get("title") == 'image "a.tif"; bbox 0 0 1000 1400'
    (first, *_) = page.iterfind(".//span[@class='ocrx_word']")
    assert first.get("title") == "bbox 0 0 60 40"
