"""Measures a decoded page for the warnings that an operator sees before turning the leaf."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
LEAST_POINTS, MOST_POINTS = 200, 30_000
WIDEST_DEGREES = 7.0
STEPS_DEGREES = ((WIDEST_DEGREES, 0.5), (0.5, 0.1), (0.1, 0.02))
"""Half width and step of each pass; a later one is around the best angle of the pass before."""
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
LEAST_PROMINENCE = 4
"""How much more distinct the rows are at the best angle than at others, if there are rows."""
HASH_SIDE, CELL_PX, LEAST_CHANGE = 16, 10, 0.004
SHIFTS_PX = tuple(sorted(product((-4, -2, 0, 2, 4), repeat=2), key=lambda at: at != (0, 0)))
"""Shifts of up to 2.5 % of the page, none first."""
LIGHTEST, DARKEST = 255, 0
TEXT_IN_BLOCK, LEAST_PAPER = 0.03, 0.03
"""Ink in a block of text, and share of the page that has to be paper between ink."""


@dataclass(frozen=True)
class PageMeasures:
    """What was measured; None where the page gives nothing to measure."""

    ink: float
    """Share of the centre that is darker than its surroundings."""
    skew_degrees: float | None
    """Angle of the lines of text; positive: they fall to the right."""
    sharpness: float | None
    """Share of the finest details in the details of the places with most contrast."""
    highlights: float | None
    """Share of the paper around ink that has the lightest level in a sample."""
    shadows: float | None
    """Share of the ink that has the darkest level in each sample."""
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
    factor = max(1, math.ceil(max(grey.size) / OVERVIEW_PX))
    overview = np.asarray(grey.reduce(factor))
    ink = _ink(overview)
    centre = _centre(ink)
    bitonal = bits_per_sample == 1
    hash_, *shifted = _hashes(ink)
    clipped = (None, None) if bitonal else _clipped(image.reduce(factor), ink)
    return PageMeasures(
        ink=float(centre.mean()) if centre.size else 0.0,
        skew_degrees=skew_of(centre),
        sharpness=None if bitonal else _sharpness(grey, overview, factor, resolution_dpi),
        highlights=clipped[0],
        shadows=clipped[1],
        cut_text=_cut_text(ink),
        hash=hash_,
        shifted=tuple(shifted),
    )


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


def _ink(grey: Grey) -> Mask:
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


def skew_of(ink: Mask) -> float | None:
    """The angle at which the rows of ink are most distinct, or None without rows."""
    rows, columns = np.nonzero(ink)
    if len(rows) < LEAST_POINTS:
        return None
    step = -(-len(rows) // MOST_POINTS)
    ys, xs = rows[::step].astype(np.float32), columns[::step].astype(np.float32)
    xs -= ink.shape[1] / 2
    best = 0.0
    scores: list[float] = []
    for half, by in STEPS_DEGREES:
        angles = best + np.arange(-half, half + by / 2, by)
        found = [_distinctness(ys, xs, angle) for angle in angles]
        scores = scores or found
        best = float(angles[int(np.argmax(found))])
    at_the_end = abs(best) > WIDEST_DEGREES - 0.5
    if at_the_end or max(scores) < LEAST_PROMINENCE * float(np.median(scores)):
        return None
    return round(best, 2)


def _distinctness(ys: NDArray[np.float32], xs: NDArray[np.float32], degrees: float) -> float:
    """How much the number of marks changes from row to row."""
    rows = ys - xs * np.float32(math.tan(math.radians(degrees)))
    counts = np.bincount((rows - rows.min()).astype(np.int32))
    return float(np.square(np.diff(counts)).sum())


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


def _clipped(image: Image.Image, ink: Mask) -> tuple[float | None, float | None]:
    """Shares of the paper around the ink, and of the ink; a lid or a table is neither."""
    values = np.asarray(image)
    values = values.reshape(*values.shape[:2], -1)
    rows, columns = ink.shape[0] // BLOCK_PX, ink.shape[1] // BLOCK_PX
    height, width = rows * BLOCK_PX, columns * BLOCK_PX
    part, marks = values[:height, :width], ink[:height, :width]
    blocks = marks.reshape(rows, BLOCK_PX, columns, BLOCK_PX).mean(axis=(1, 3)) > TEXT_IN_BLOCK
    near = np.kron(blocks, np.ones((BLOCK_PX, BLOCK_PX), dtype=bool)).astype(bool)
    paper = near & ~marks
    if paper.sum() < LEAST_PAPER * paper.size or not marks.any():
        return None, None
    lightest = (part[paper] == LIGHTEST).any(axis=1).mean()
    return float(lightest), float((part[marks] == DARKEST).all(axis=1).mean())


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
