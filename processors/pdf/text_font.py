"""The font of the text layer: gives each character a code, and maps the codes to Unicode."""

import struct
import unicodedata
from collections.abc import Iterable, Iterator

from processors.pdf.file import PdfFile
from processors.pdf.glyphless_font import ADVANCE, UNITS_PER_EM, glyphless_font
from processors.pdf.syntax import Name

FONT_NAME = "CopystandGlyphless"
FIRST_CODE, LAST_CODE = 1, 0xFFFF
MAPPINGS_PER_SECTION = 100
"""Maximum length of a bfchar section (Adobe Technical Note 5014)."""
LEFT_OUT = ("\ufeff", "\ufffe", "\uffff", "\0")
"""Values that ToUnicode must not have (ISO 19005-2, 6.2.11.7.2), and noncharacters."""
SURROGATES = range(0xD800, 0xE000)
REPLACEMENT = "\ufffd"
SYMBOLIC = 4
DESCENT = -1
"""Nothing; but readers replace a descent of 0 by one of their own."""


class TextFont:
    """Gives codes to characters in the order of their first use, so that equal text has equal
    codes. A character with its combining marks has one code, so that readers keep them together."""

    def __init__(self, file: PdfFile) -> None:
        self._file = file
        self.reference = file.reserve()
        self._codes: dict[str, int] = {}

    def encoded(self, units: Iterable[str]) -> tuple[bytes, int]:
        """The codes of characters, and their number."""
        codes = [self._code(_permitted(unit)) for unit in units if unit not in LEFT_OUT]
        return struct.pack(f">{len(codes)}H", *codes), len(codes)

    def _code(self, cluster: str) -> int:
        code = self._codes.get(cluster)
        if code is None:
            if len(self._codes) >= LAST_CODE - FIRST_CODE:
                raise ValueError(f"the text has more than {len(self._codes)} different characters")
            code = self._codes[cluster] = FIRST_CODE + len(self._codes)
        return code

    def write(self) -> None:
        """Write the font, after all text is encoded."""
        file, last = self._file, FIRST_CODE + len(self._codes)
        font = glyphless_font()
        descriptor = file.add(
            {
                "Type": Name("FontDescriptor"),
                "FontName": Name(FONT_NAME),
                "Flags": SYMBOLIC,
                "FontBBox": [0, DESCENT, ADVANCE, UNITS_PER_EM],
                "ItalicAngle": 0,
                "Ascent": UNITS_PER_EM,
                "Descent": DESCENT,
                "CapHeight": UNITS_PER_EM,
                "StemV": 80,
                "FontFile2": file.add_stream(font, {"Length1": len(font)}),
            }
        )
        descendant = file.add(
            {
                "Type": Name("Font"),
                "Subtype": Name("CIDFontType2"),
                "BaseFont": Name(FONT_NAME),
                "CIDSystemInfo": {"Registry": b"Adobe", "Ordering": b"Identity", "Supplement": 0},
                "FontDescriptor": descriptor,
                "DW": ADVANCE,
                # Each code is drawn with the empty glyph 1.
                "CIDToGIDMap": file.add_stream(b"\0\0" + b"\0\1" * last, {}),
            }
        )
        file.write(
            self.reference,
            {
                "Type": Name("Font"),
                "Subtype": Name("Type0"),
                "BaseFont": Name(FONT_NAME),
                "Encoding": Name("Identity-H"),
                "DescendantFonts": [descendant],
                "ToUnicode": file.add_stream(self._to_unicode(), {}),
            },
        )

    def _to_unicode(self) -> bytes:
        mappings = [
            f"<{code:04X}> <{cluster.encode('utf-16-be').hex().upper()}>"
            for cluster, code in self._codes.items()
        ]
        sections = (
            mappings[start : start + MAPPINGS_PER_SECTION]
            for start in range(0, len(mappings), MAPPINGS_PER_SECTION)
        )
        lines = [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<0000> <FFFF>",
            "endcodespacerange",
        ]
        for section in sections:
            lines += [f"{len(section)} beginbfchar", *section, "endbfchar"]
        lines += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
        return "\n".join(lines).encode() + b"\n"


def clusters(text: str) -> Iterator[str]:
    """The characters of a text, each with the combining marks that follow it."""
    cluster = ""
    for character in text:
        if cluster and unicodedata.combining(character):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


def _permitted(unit: str) -> str:
    return "".join(REPLACEMENT if ord(one) in SURROGATES else one for one in unit)
