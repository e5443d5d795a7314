"""Converts positions in the grey copy to pixels of the master as displayed."""

import re
from dataclasses import dataclass

from processors.imaging.decode import GreyCopy

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Scale:
    """The conversion from pixels of the grey copy to those of the master, upright by its
    orientation tag as in the reading images."""

    copy_width: int
    copy_height: int
    width: int
    height: int
    turned: int = 0
    """Degrees clockwise by which the copy was rotated before recognition."""

    @classmethod
    def of(cls, copy: GreyCopy, turned: int = 0) -> "Scale":
        """The conversion for a grey copy, which may be rotated."""
        return cls(
            copy.width_px, copy.height_px, copy.master_width_px, copy.master_height_px, turned
        )

    @property
    def same(self) -> bool:
        """Whether positions need no conversion."""
        sizes = (self.copy_width, self.copy_height) == (self.width, self.height)
        return sizes and not self.turned

    @property
    def sideways(self) -> bool:
        """Whether horizontal positions in the copy are vertical in the master."""
        return self.turned in (90, 270)

    def edges(self, left: int, top: int, right: int, bottom: int) -> Box:
        """The four edges in the master, limited to its size."""
        across, down = self.copy_width, self.copy_height
        if self.turned == 90:
            left, top, right, bottom = top, down - right, bottom, down - left
        elif self.turned == 180:
            left, top, right, bottom = across - right, down - bottom, across - left, down - top
        elif self.turned == 270:
            left, top, right, bottom = across - bottom, left, across - top, right
        return self._x(left), self._y(top), self._x(right), self._y(bottom)

    def box(self, left: int, top: int, width: int, height: int) -> Box:
        """A box as left, top, width and height."""
        x, y, right, bottom = self.edges(left, top, left + width, top + height)
        return x, y, right - x, bottom - y

    def length(self, value: float) -> float:
        """A length perpendicular to the text lines, to three decimals."""
        if self.sideways:
            return round(value * self.width / self.copy_width, 3)
        return round(value * self.height / self.copy_height, 3)

    def _x(self, value: float) -> int:
        return min(self.width, max(0, round(value * self.width / self.copy_width)))

    def _y(self, value: float) -> int:
        return min(self.height, max(0, round(value * self.height / self.copy_height)))


_IMAGE = re.compile(r'image "[^"]*"')
_BOX = re.compile(r"\bbbox (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_BASELINE = re.compile(r"\bbaseline (\S+) (-?[\d.]+)")
_DIRECTION = re.compile(r"; (?:baseline \S+ [^;'\"]+|textangle (-?\d+))(?=[;'\"])")
_SIZE = re.compile(r"\b(x_size|x_descenders|x_ascenders) (-?[\d.]+)")
_DPI = re.compile(r"\bscan_res \d+ \d+")
_TITLE = re.compile(r"\btitle=('[^']*'|\"[^\"]*\")")


def hocr_for_master(hocr: bytes, scale: Scale, name: str) -> bytes:
    """The hOCR with the master's pixels and the packaged name.

    hOCR has a DOCTYPE and is therefore not parsed as XML: only title attributes, which contain no
    text of the page, are rewritten (hOCR 1.2)."""
    dpi = scale.width / scale.copy_width

    def title(found: re.Match[str]) -> str:
        value = _IMAGE.sub(lambda _: f'image "{name}"', found.group(0))
        value = _BOX.sub(lambda box: _hocr_box(box, scale), value)
        if scale.turned and "x_size" in value:
            value = _with_text_angle(value, scale.turned)
        value = _BASELINE.sub(
            lambda line: f"baseline {line[1]} {scale.length(float(line[2])):g}", value
        )
        value = _SIZE.sub(lambda size: f"{size[1]} {scale.length(float(size[2])):g}", value)
        return _DPI.sub(lambda res: _resolution(res.group(0), dpi), value)

    return _TITLE.sub(title, hocr.decode()).encode()


def _hocr_box(found: re.Match[str], scale: Scale) -> str:
    edges = scale.edges(int(found[1]), int(found[2]), int(found[3]), int(found[4]))
    return "bbox {} {} {} {}".format(*edges)


def _with_text_angle(title: str, turned: int) -> str:
    """The title of a line with textangle instead of baseline, which only upright lines have."""
    own = sum(int(found[1] or 0) for found in _DIRECTION.finditer(title))
    title = _DIRECTION.sub("", title)
    return title.replace("; x_size", f"; textangle {(own + turned) % 360}; x_size", 1)


def _resolution(text: str, factor: float) -> str:
    _, across, down = text.split()
    return f"scan_res {round(int(across) * factor)} {round(int(down) * factor)}"


def tsv_for_master(tsv: bytes, scale: Scale) -> bytes:
    """The TSV with the master's pixels; its text is unchanged."""
    if scale.same:
        return tsv
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


def pdf_with_fixed_date(pdf: bytes) -> bytes:
    """The PDF with creation date 1970-01-01; offsets in the file stay valid."""
    # Spaces replace the time zone, so that the length does not change.
    return _CREATION_DATE.sub(lambda found: _EPOCH.ljust(len(found[0])), pdf)
