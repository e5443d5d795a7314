"""Makes hOCR and plain text agree with the ALTO of a page, word by word."""

import html
import re

from processors.ocr.page_text import Block, Box, PageText

_WORD = re.compile(r"""[ \t]*<span class=['"]ocrx_word['"][^>]*>(.*?)</span>\n?""", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
HOCR = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title></title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="copystand, from ALTO"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word"/>
</head>
<body>
<div class="ocr_page" title="{page}">
{blocks}</div>
</body>
</html>
"""


def agreeing_text(content: bytes, text: PageText) -> bytes:
    """The plain text of a page; written from the ALTO if its words differ."""
    same = content.decode("utf-8", "replace").split() == list(text.words())
    return content if same else plain_text(text)


def agreeing_hocr(content: bytes, text: PageText, master: str) -> bytes:
    """The hOCR of a page without blank words; written from the ALTO if its words differ."""
    words = list(text.words())
    if hocr_words(content) == words:
        return content
    without = _WORD.sub(
        lambda found: found[0] if _shown(found[1]).strip() else "", content.decode()
    ).encode()
    return without if hocr_words(without) == words else hocr(text, master)


def plain_text(text: PageText) -> bytes:
    """The text in reading order: a line for each line, an empty line between blocks."""
    blocks = (
        "\n".join(" ".join(word.text for word in line) for line in block.lines)
        for block in text.blocks
    )
    return "".join(f"{block}\n\n" for block in blocks).removesuffix("\n").encode()


def hocr(text: PageText, master: str) -> bytes:
    """The words of a page with their boxes, as hOCR 1.2."""
    size = Box(0, 0, text.width or 0, text.height or 0)
    page = html.escape(f'image "{master}"; {_bbox(size)}')
    blocks = "".join(_hocr_block(block) for block in text.blocks)
    return HOCR.format(page=page, blocks=blocks).encode()


def hocr_words(content: bytes) -> list[str]:
    """The words of an hOCR."""
    return [_shown(found[1]) for found in _WORD.finditer(content.decode())]


def _hocr_block(block: Block) -> str:
    lines = "".join(
        f'<span class="ocr_line" title="{_bbox(_around([word.box for word in line]))}">\n'
        + "".join(
            f'<span class="ocrx_word" title="{_bbox(word.box)}">{html.escape(word.text)}</span>\n'
            for word in line
        )
        + "</span>\n"
        for line in block.lines
    )
    box = _around([word.box for line in block.lines for word in line])
    return f'<div class="ocr_carea" title="{_bbox(box)}">\n{lines}</div>\n'


def _around(boxes: list[Box]) -> Box:
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right = max(box.left + box.width for box in boxes)
    return Box(left, top, right - left, max(box.top + box.height for box in boxes) - top)


def _bbox(box: Box) -> str:
    edges = (box.left, box.top, box.left + box.width, box.top + box.height)
    return "bbox " + " ".join(str(round(edge)) for edge in edges)


def _shown(markup: str) -> str:
    """The text of a word, which may be emphasised."""
    return html.unescape(_TAG.sub("", markup))
