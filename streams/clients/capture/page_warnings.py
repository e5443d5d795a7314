"""Warnings about a page that an operator can act on before turning the leaf; none stops a scan."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from processors.imaging.header import Header
from processors.imaging.resolution import agreed_resolution
from processors.master_finding import Finding
from streams.clients.capture.decoded_page import decode_page
from streams.clients.capture.page_measures import distance, measure_page
from streams.clients.scanners.capture_settings import MM_PER_INCH

LEAST_INK = 0.003
LEAST_SHARPNESS = 0.35
MOST_HIGHLIGHTS, MOST_SHADOWS = 0.45, 0.5
COPY_HIGHLIGHTS, COPY_SHADOWS, COPY_CHROMA = 0.7, (0.03, 0.3), 1.0
"""A grey copy of high contrast, such as a microfilm, has paper at the lightest and ink at the
darkest level by nature: more of its paper may be so. Too much light makes no ink darker."""
TWO_LEVELS = (0.75, 0.4)
"""With so much paper at the lightest level and ink at the darkest, an image has hardly any tones:
it was made bitonal, not exposed wrongly."""
MOST_SKEW_DEGREES, EDGES_AGREE_DEGREES = 2.0, 1.0
"""Lines of a hand rise or fall on a straight leaf: the upright edges have to be turned, too."""
MOST_CUT_TEXT = 0.4
SAME_PAGE_BITS, SAME_BEFORE_BITS, JUST_BEFORE = 10, 24, 6
"""Two captures of one page differ in at most this many of 256 bits. Among the pages just before,
where a leaf that was not turned is, more may differ: a page is compared with few of them."""
SIZE_TOLERANCE, USUAL_AFTER = 0.15, 3
"""Share by which a leaf may differ from the usual size, which this many leaves establish."""
DECODED_PX = 2600
"""Long side to which a larger JPEG may be reduced while it is decoded."""
OF_ANY_SIZE = ("foldout", "cover", "spine", "insert", "target")
CLIPPED = "capture.page-clipped"
NOT_TEXT = ("cover", "spine", "endpaper", "target", "blank")


@dataclass
class EarlierPages:
    """The pages of an item before this one."""

    hashes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Width and height in millimetres, or in pixels if the resolution is unknown."""

    @classmethod
    def of(cls, records: list[Any]) -> "EarlierPages":
        """The pages of an item by their capture records."""
        earlier = cls()
        for record in records:
            earlier.add(record.ref, record.kind, record.measured)
        return earlier

    def add(self, ref: str, kind: str, measured: dict[str, Any] | None) -> None:
        """Count a page as an earlier one, in place of a former capture of it."""
        self.hashes.pop(ref, None)
        self.sizes.pop(ref, None)
        if measured is None:
            return
        if measured["ink"] >= LEAST_INK:
            self.hashes[ref] = measured["hash"]
        if kind not in OF_ANY_SIZE:
            self.sizes[ref] = (measured["width"], measured["height"])


@dataclass(frozen=True)
class MeasuredPage:
    """What was measured in the file of a page."""

    document: dict[str, Any]
    """As JSON values, for the record."""
    shifted: tuple[str, ...] = ()
    """The hashes of the page laid down a little differently."""


def measure_file(path: Path, family: str, header: Header) -> MeasuredPage | None:
    """What is measured in the file of a page; None for a layout or a size that a station does not
    decode."""
    page = decode_page(path, family, header, DECODED_PX)
    if page is None:
        return None
    dpi = agreed_resolution(header.resolutions).dpi
    reduced = page.samples.shape[1] / header.width_px
    measures = measure_page(
        page.pixels, header.bits_per_sample, dpi and dpi * reduced, header.colour_space == "cmyk"
    )
    scale = MM_PER_INCH / dpi if dpi else 1.0
    size = {"width": header.width_px * scale, "height": header.height_px * scale}
    rounded = {name: round(value, 1) for name, value in size.items()}
    return MeasuredPage({**measures.document(), **rounded}, measures.shifted)


def page_warnings(
    page: MeasuredPage | None, ref: str, kind: str, earlier: EarlierPages
) -> tuple[Finding, ...]:
    """What an operator should look at; `ref` is that of the page itself."""
    if page is None:
        return ()
    found = (*_of_image(page.document, kind), *_beside_others(page, ref, kind, earlier))
    return tuple(Finding(code, text, refused=False) for code, text in found)


def _of_image(measured: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    if measured["ink"] < LEAST_INK:
        if kind not in NOT_TEXT:
            yield "capture.page-blank", f"{measured['ink']:.2%} of the page is ink"
        return  # The other measures are about what is on a page.
    sharpness = measured["sharpness"]
    if sharpness is not None and sharpness < LEAST_SHARPNESS:
        found = f"sharpness is {sharpness:.2f}, sharp text has {LEAST_SHARPNESS:g} or more"
        yield "capture.page-blurred", found
    yield from _clipped(measured)
    if kind in NOT_TEXT:
        return
    skew = measured["skew_degrees"]
    if skew is not None and _is_skewed(skew, measured["upright_degrees"]):
        side = "right" if skew > 0 else "left"
        yield "capture.page-skewed", f"the lines fall to the {side} by {abs(skew):.1f} degrees"
    if measured["cut_text"] >= MOST_CUT_TEXT:
        yield "capture.text-cut-off", "text reaches an edge of the image"


def _is_skewed(lines: float, edges: float | None) -> bool:
    if abs(lines) <= MOST_SKEW_DEGREES:
        return False
    agree = edges is None or abs(edges - lines) <= EDGES_AGREE_DEGREES
    return agree or (edges is not None and edges * lines > 0 and abs(edges) * 2 > abs(lines))


def _clipped(measured: dict[str, Any]) -> Iterator[tuple[str, str]]:
    light, dark, chroma = (measured[name] for name in ("highlights", "shadows", "chroma"))
    if light is None or (light > TWO_LEVELS[0] and dark > TWO_LEVELS[1]):
        return
    copy = COPY_SHADOWS[0] < dark < COPY_SHADOWS[1] and chroma < COPY_CHROMA
    if light > (COPY_HIGHLIGHTS if copy else MOST_HIGHLIGHTS):
        yield CLIPPED, f"{light:.0%} of the paper around the text is at the lightest level"
    if dark > MOST_SHADOWS:
        yield CLIPPED, f"{dark:.0%} of the ink is at the darkest level"


def _beside_others(
    page: MeasuredPage, ref: str, kind: str, earlier: EarlierPages
) -> Iterator[tuple[str, str]]:
    measured = page.document
    same = None if measured["ink"] < LEAST_INK else _same_page(page, ref, earlier)
    if same is not None:
        yield "capture.page-repeated", f"the page looks like page {same}"
    sizes = [size for of, size in earlier.sizes.items() if of != ref]
    if kind in OF_ANY_SIZE or len(sizes) < USUAL_AFTER:
        return
    usual = tuple(median(values) for values in zip(*sizes, strict=True))
    found = (measured["width"], measured["height"])
    pairs = zip(found, usual, strict=True)
    if any(abs(one - other) > SIZE_TOLERANCE * other for one, other in pairs):
        text = f"{found[0]:.0f} x {found[1]:.0f}, the item has {usual[0]:.0f} x {usual[1]:.0f}"
        yield "capture.size-differs", text


def _same_page(page: MeasuredPage, ref: str, earlier: EarlierPages) -> str | None:
    """The earlier page that looks the same, or None."""
    others = {of: one for of, one in earlier.hashes.items() if of != ref}
    recent = [*others][-JUST_BEFORE:]
    for of in reversed(others):
        limit = SAME_BEFORE_BITS if of in recent else SAME_PAGE_BITS
        tried = (page.document["hash"], *page.shifted)
        if min(distance(one, others[of]) for one in tried) <= limit:
            return of
    return None
