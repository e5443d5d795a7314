"""Takes places in the image that was read back to the pixels of the master."""

import re
from dataclasses import dataclass

from processors.imaging.decode import GreyCopy


@dataclass(frozen=True)
class Scale:
    """From the pixels of the copy to those of the master as displayed."""

    copy_width: int
    copy_height: int
    width: int
    height: int

    @classmethod
    def of(cls, copy: GreyCopy) -> "Scale":
        """The scale between a grey copy and its master."""
        return cls(copy.width_px, copy.height_px, copy.master_width_px, copy.master_height_px)

    def x(self, value: float) -> int:
        """A horizontal place in the master, never outside it."""
        return min(self.width, max(0, round(value * self.width / self.copy_width)))

    def y(self, value: float) -> int:
        """A vertical place in the master, never outside it."""
        return min(self.height, max(0, round(value * self.height / self.copy_height)))

    def box(self, left: int, top: int, width: int, height: int) -> tuple[int, int, int, int]:
        """A box as left, top, width, height; its far edges are scaled as edges."""
        x, y = self.x(left), self.y(top)
        return x, y, self.x(left + width) - x, self.y(top + height) - y

    def length(self, value: float) -> float:
        """A vertical length, to three decimals."""
        return round(value * self.height / self.copy_height, 3)


_IMAGE = re.compile(r'image "[^"]*"')
_BOX = re.compile(r"\bbbox (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_BASELINE = re.compile(r"\bbaseline (\S+) (-?[\d.]+)")
_SIZE = re.compile(r"\b(x_size|x_descenders|x_ascenders) (-?[\d.]+)")
_DPI = re.compile(r"\bscan_res \d+ \d+")
_TITLE = re.compile(r"\btitle=('[^']*'|\"[^\"]*\")")


def hocr_for_master(hocr: bytes, scale: Scale, name: str) -> bytes:
    """The hOCR with the master's pixels and the packaged name.

    It has a DOCTYPE and is never parsed: only title attributes, which hold no text of the page,
    are rewritten (hOCR 1.2)."""
    dpi = scale.width / scale.copy_width

    def title(found: re.Match[str]) -> str:
        value = _IMAGE.sub(lambda _: f'image "{name}"', found.group(0))
        value = _BOX.sub(lambda box: _hocr_box(box, scale), value)
        value = _BASELINE.sub(
            lambda line: f"baseline {line[1]} {scale.length(float(line[2])):g}", value
        )
        value = _SIZE.sub(lambda size: f"{size[1]} {scale.length(float(size[2])):g}", value)
        return _DPI.sub(lambda res: _resolution(res.group(0), dpi), value)

    return _TITLE.sub(title, hocr.decode()).encode()


def _hocr_box(found: re.Match[str], scale: Scale) -> str:
    left, top, right, bottom = (int(found[number]) for number in range(1, 5))
    return f"bbox {scale.x(left)} {scale.y(top)} {scale.x(right)} {scale.y(bottom)}"


def _resolution(text: str, factor: float) -> str:
    _, across, down = text.split()
    return f"scan_res {round(int(across) * factor)} {round(int(down) * factor)}"


def tsv_for_master(tsv: bytes, scale: Scale) -> bytes:
    """The TSV with the master's pixels; its text is left as it is."""
    lines = tsv.decode().split("\n")
    return "\n".join([lines[0], *(_tsv_row(line, scale) for line in lines[1:])]).encode()


def _tsv_row(line: str, scale: Scale) -> str:
    cells = line.split("\t", 11)
    if len(cells) < 11:
        return line
    left, top, width, height = (int(cell) for cell in cells[6:10])
    cells[6:10] = [str(value) for value in scale.box(left, top, width, height)]
    return "\t".join(cells)


_CREATION_DATE = re.compile(rb"/CreationDate \(D:[^)]*\)")
_EPOCH = b"/CreationDate (D:19700101000000Z)"


def pdf_without_clock(pdf: bytes) -> bytes:
    """The PDF with its date of making at the beginning of 1970; no byte moves, offsets hold."""
    # Spaces after the date make up for the time zone, which tells where the machine stands.
    return _CREATION_DATE.sub(lambda found: _EPOCH.ljust(len(found[0])), pdf)
