"""Measures a decoded page for the warnings that an operator sees before turning the leaf."""

import math
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from streams.clients.capture.page_skew import skew_of, upright_of

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
OVERVIEW_PX = 900
"""Long side of the copy on which everything but sharpness is measured."""
BLOCK_PX = 30
PAPER_PERCENTILE = 80
LEAST_CONTRAST, LEAST_SHARE = 25, 0.2
"""How much darker than the paper around it ink is: in levels, and as a share of the paper."""
MARGIN = 0.06
"""Share of the width and height that is not part of the centre: edges of the leaf, shadows."""
TILE_PX, TILES = 96, 12
USUAL_DPI = 350
"""Sharpness of a page of higher resolution is measured after it is reduced to about this."""
PARTS = 20
LEAST_DEPTH, LEAST_MARKS, LEAST_PARTS, LEAST_TEXT = 40, 8, 3, 0.01
"""Text that is cut off gives at least this many marks along an edge, in this many of 20 parts."""
TEXT_PERCENTILE, DENSEST, MOST_OF_EDGE = 85, 1.3, 0.5
"""Text at an edge is at most this many times as dense as text elsewhere, and covers at most this
share of the edge."""
LONGEST_MARK = 0.03
"""A longer mark along an edge is a leaf or its shadow, not text; share of the side."""
GAP, GAP_OF_ROWS, ZONE = 0.02, 0.04, 0.05
"""A margin is an empty strip of this share of the side, anywhere in this share from the edge; above
and below text it is higher than the space between two lines."""
HASH_SIDE, CELL_PX, LEAST_CHANGE = 16, 10, 0.004
SHIFTS_PX = tuple(sorted(product((-4, -2, 0, 2, 4), repeat=2), key=lambda at: at != (0, 0)))
"""Shifts of up to 2.5 % of the page, none first."""
EXTREMES = (255, 0)
"""The lightest and the darkest level."""
CORE_PERCENTILE = 5
TEXT_IN_BLOCK, LEAST_PAPER = 0.03, 0.03
"""Ink in a block of text, and share of the page that has to be paper between ink."""


@dataclass(frozen=True)
class PageMeasures:
    """What was measured; None where the page gives nothing to measure."""

    ink: float
    """Share of the centre that is darker than its surroundings."""
    skew_degrees: float | None
    """Angle of the lines of text; positive: they fall to the right."""
    upright_degrees: float | None
    """Angle of upright edges, of the leaf or on it; positive: their right side falls."""
    sharpness: float | None
    """Share of the finest details in the details of the places with most contrast."""
    highlights: float | None
    """Share of the paper around ink that has the lightest level in a sample."""
    shadows: float | None
    """Share of the ink, without the edges of strokes, that has the darkest level in each sample."""
    chroma: float | None
    """Mean difference between the samples of the paper around ink, in levels; 0 for grey."""
    cut_text: float
    """Density of text at the edge that cuts off most of it, compared with text elsewhere."""
    hash: str
    """256 bits that captures of one page have in common, as hex digits: whether there is more ink
    than to the left, in 16 x 16 places."""
    shifted: tuple[str, ...] = ()
    """The hashes of the page laid down a little differently; they are not recorded."""

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        values = {name: value for name, value in vars(self).items() if name != "shifted"}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in values.items()
        }


def measure_page(
    pixels: NDArray[np.uint8], bits_per_sample: int, resolution_dpi: float | None, cmyk: bool
) -> PageMeasures:
    """The measures of a page of height x width x samples."""
    image = _image(pixels, cmyk)
    grey = image if image.mode == "L" else image.convert("L")
    factor = overview_factor(grey)
    overview = np.asarray(grey.reduce(factor))
    ink = ink_of(overview)
    centre = _centre(ink)
    bitonal = bits_per_sample == 1
    hash_, *shifted = _hashes(ink)
    clipped = (None, None, None) if bitonal else _clipped(image, overview, ink)
    return PageMeasures(
        ink=float(centre.mean()) if centre.size else 0.0,
        skew_degrees=skew_of(centre),
        upright_degrees=upright_of(overview),
        sharpness=None if bitonal else _sharpness(grey, overview, factor, resolution_dpi),
        highlights=clipped[0],
        shadows=clipped[1],
        chroma=clipped[2],
        cut_text=_cut_text(ink),
        hash=hash_,
        shifted=tuple(shifted),
    )


def overview_factor(image: Image.Image) -> int:
    """How much smaller the copy of an image is on which most is measured."""
    return max(1, math.ceil(max(image.size) / OVERVIEW_PX))


def distance(one: str, other: str) -> int:
    """In how many of 256 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _image(pixels: NDArray[np.uint8], cmyk: bool) -> Image.Image:
    """The colours of a page without its other samples."""
    samples = pixels.shape[2]
    if cmyk and samples >= 4:
        return Image.fromarray(np.ascontiguousarray(pixels[:, :, :4]), "CMYK").convert("RGB")
    if samples >= 3:
        return Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0]))


def ink_of(grey: Grey) -> Mask:
    """What is clearly darker than the paper around it; a dark background is not."""
    height, width = grey.shape
    rows, columns = -(-height // BLOCK_PX), -(-width // BLOCK_PX)
    bottom, right = rows * BLOCK_PX - height, columns * BLOCK_PX - width
    padded = np.pad(grey, ((0, bottom), (0, right)), mode="edge")
    blocks = padded.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    flat = blocks.reshape(rows, columns, -1)
    at = flat.shape[2] * PAPER_PERCENTILE // 100
    paper = np.partition(flat, at, axis=2)[:, :, at].astype(np.uint8)
    size = (columns * BLOCK_PX, rows * BLOCK_PX)
    smooth = np.asarray(Image.fromarray(paper).resize(size, Image.Resampling.BILINEAR))
    around = smooth[:height, :width].astype(np.int16)
    limit = np.maximum(LEAST_CONTRAST, around * LEAST_SHARE)
    found: Mask = around - grey > limit
    return found


def _centre(ink: Mask) -> Mask:
    height, width = ink.shape
    top, left = int(height * MARGIN), int(width * MARGIN)
    return ink[top : height - top, left : width - left]


def _sharpness(
    grey: Image.Image, overview: Grey, factor: int, resolution_dpi: float | None
) -> float | None:
    """The median over the tiles with most contrast."""
    by = max(1, round((resolution_dpi or 0) / USUAL_DPI)) if factor > 1 else 1
    found = []
    for left, top in _contrasted(overview, factor, grey.size, by):
        side = TILE_PX * by
        tile = grey.crop((left, top, left + side, top + side))
        values = np.asarray(tile.reduce(by) if by > 1 else tile, dtype=np.float32)
        found.append(_fine_share(values))
    known = [one for one in found if one is not None]
    return float(np.median(known)) if known else None


def _contrasted(
    overview: Grey, factor: int, size: tuple[int, int], by: int
) -> list[tuple[int, int]]:
    """Left and top of the tiles whose levels differ most, away from the edges."""
    cell = max(4, TILE_PX * by // factor)
    rows, columns = overview.shape[0] // cell, overview.shape[1] // cell
    if rows < 3 or columns < 3:
        return [(0, 0)] if min(size) >= TILE_PX * by else []
    cells = overview[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    spread = cells.astype(np.float32).std(axis=(1, 3))
    spread[[0, -1], :] = 0
    spread[:, [0, -1]] = 0
    order = np.argsort(spread, axis=None)[::-1][:TILES]
    return [(int(at % columns) * cell * factor, int(at // columns) * cell * factor) for at in order]


def _fine_share(values: NDArray[np.float32]) -> float | None:
    """Differences of neighbours, as a share of differences over a distance of four pixels."""
    fine = np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()
    apart = np.abs(values[4:] - values[:-4]).mean() + np.abs(values[:, 4:] - values[:, :-4]).mean()
    return float(fine / apart) if apart > 4 else None


def _clipped(
    image: Image.Image, grey: Grey, ink: Mask
) -> tuple[float | None, float | None, float | None]:
    """Shares of the paper, and of the core of the ink, and the chroma of this paper."""
    masks = paper_and_core(grey, ink)
    if masks is None:
        return None, None, None
    factor = overview_factor(image)
    bands = image.split()
    most = reduce(ImageChops.lighter, bands)
    # Levels are counted before the image is made smaller, which mixes them.
    counted = [most.point([255 * (one == level) for one in range(256)]) for level in EXTREMES]
    light, dark = (
        float(np.asarray(one.reduce(factor))[mask].mean()) / 255
        for one, mask in zip(counted, masks, strict=True)
    )
    least = reduce(ImageChops.darker, bands)
    chroma = np.asarray(ImageChops.subtract(most, least).reduce(factor))[masks[0]].mean()
    return light, dark, float(chroma)


def paper_and_core(grey: Grey, ink: Mask) -> tuple[Mask, Mask] | None:
    """The paper around ink, and the ink without the edges of its strokes, whose levels are between
    those of ink and paper; None without text. A lid or a table is neither."""
    rows, columns = ink.shape[0] // BLOCK_PX, ink.shape[1] // BLOCK_PX
    height, width = rows * BLOCK_PX, columns * BLOCK_PX
    marks = np.zeros_like(ink)
    marks[:height, :width] = ink[:height, :width]
    blocks = marks[:height, :width].reshape(rows, BLOCK_PX, columns, BLOCK_PX).mean(axis=(1, 3))
    near = np.zeros_like(ink)
    near[:height, :width] = np.kron(blocks > TEXT_IN_BLOCK, np.ones((BLOCK_PX,) * 2, dtype=bool))
    paper = near & ~marks
    if paper.sum() < LEAST_PAPER * paper.size or not marks.any():
        return None
    middle = (np.median(grey[paper]) + np.percentile(grey[marks], CORE_PERCENTILE)) / 2
    return paper, marks & (grey <= middle)


def _cut_text(ink: Mask) -> float:
    """How dense text is at the edge that cuts off most of it, compared with text elsewhere; 0 if
    each edge has a margin or cuts only a few marks."""
    across = max(_cut_at(side, GAP_OF_ROWS) for side in (ink, ink[::-1]))
    return max(across, *(_cut_at(side, GAP) for side in (ink.T, ink.T[::-1])))


def _cut_at(ink: Mask, gap: float) -> float:
    """The same for the first row."""
    depth, along = ink.shape
    starts = _marks(ink[0])
    if depth < LEAST_DEPTH or len(starts) < LEAST_MARKS or ink[0].mean() > MOST_OF_EDGE:
        return 0.0
    # Marks in one place are a stain or a stamp.
    if len({at * PARTS // along for at in starts}) < LEAST_PARTS:
        return 0.0
    window = max(3, int(depth * gap))
    density = np.convolve(ink.mean(axis=1), np.full(window, 1 / window), "valid")
    text = float(np.percentile(density, TEXT_PERCENTILE))
    least = float(density[: int(depth * ZONE) + 1].min())
    # The edges of other leaves and marbled boards are denser than text.
    return least / text if text > LEAST_TEXT and least <= text * DENSEST else 0.0


def _marks(along: Any) -> list[int]:
    """Where marks of the size of text begin along an edge."""
    padded = np.concatenate(([False], along, [False])).astype(np.int8)
    changes = np.diff(padded)
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    lengths = ends - starts
    fits = (lengths >= 2) & (lengths <= max(2, len(along) * LONGEST_MARK))
    return [int(at) for at in starts[fits]]


def _hashes(ink: Mask) -> tuple[str, ...]:
    """The hash of where ink is, then those of the same page a little further in each direction."""
    size = ((HASH_SIDE + 1) * CELL_PX, HASH_SIDE * CELL_PX)
    density = Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BOX)
    most = max(map(max, SHIFTS_PX))
    padded = np.pad(np.asarray(density), most)
    found = (_hash(padded[most + y :, most + x :][: size[1], : size[0]]) for y, x in SHIFTS_PX)
    return tuple(found)


def _hash(density: NDArray[np.float32]) -> str:
    cells = density.reshape(HASH_SIDE, CELL_PX, HASH_SIDE + 1, CELL_PX).mean(axis=(1, 3))
    bits = np.packbits(np.diff(cells, axis=1) > LEAST_CHANGE)
    return bits.tobytes().hex()
