"""ALTO pages made by hand."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

from lxml import etree

NS4 = "http://www.loc.gov/standards/alto/ns-v4#"
LINE_PX, CHARACTER_PX, SPACE_PX = 40, 20, 15


def alto_page(blocks: Iterable[str], *, width: int = 1000, height: int = 1400) -> bytes:
    """An ALTO of these blocks."""
    return (
        f'<alto xmlns="{NS4}"><Description><MeasurementUnit>pixel</MeasurementUnit>'
        "<sourceImageInformation><fileName>scan.tif</fileName></sourceImageInformation>"
        f'</Description><Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="{width}" HEIGHT="{height}">'
        f"<PrintSpace>{''.join(blocks)}</PrintSpace></Page></Layout></alto>"
    ).encode()


def block(
    name: str, lines: Sequence[str], left: int, top: int, *, right_to_left: bool = False
) -> str:
    """A block of lines, whose words have boxes as wide as they have letters."""
    written = (
        _line(f"{name}_{number}", line, left, top + number * LINE_PX * 3 // 2, right_to_left)
        for number, line in enumerate(lines)
    )
    return f'<TextBlock ID="{name}">{"".join(written)}</TextBlock>'


def _line(name: str, text: str, left: int, top: int, right_to_left: bool) -> str:
    words, strings, at = text.split(), [], left
    for word in words:
        width = CHARACTER_PX * len(word)
        begin = at - width if right_to_left else at
        strings.append(
            f'<String CONTENT={quoteattr(word)} HPOS="{begin}" VPOS="{top}" WIDTH="{width}" '
            f'HEIGHT="{LINE_PX}"/>'
        )
        at += -(width + SPACE_PX) if right_to_left else width + SPACE_PX
    return f'<TextLine ID="{name}">{"".join(strings)}</TextLine>'


def root_of(content: bytes) -> etree._Element:
    """The root of a document."""
    return etree.fromstring(content)
