"""How often the warnings of a station are wrong on real pages, and how often they find a defect.

    python -m bench.page_warnings [--pages 120]

Reads the collections of ../shared/corpora; every page of them counts as good. Exposure and angle
are measured by bench.page_faults."""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from streams.clients.capture.page_measures import distance, measure_page
from streams.clients.capture.page_warnings import (
    SAME_BEFORE_BITS,
    EarlierPages,
    MeasuredPage,
    page_warnings,
)

CORPORA = Path(__file__).parents[1].parent / "shared" / "corpora"
RESOLUTIONS = {"gallicorpora-18e": 600.0, "kant-1784": 300.0}
Change = Callable[[Image.Image], Image.Image]


def _rotated(degrees: float) -> Change:
    return lambda image: image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=_paper(image))


def _paper(image: Image.Image) -> tuple[int, ...]:
    return tuple(int(one) for one in np.percentile(np.asarray(image), 70, axis=(0, 1)))


def _blurred(radius: float) -> Change:
    return lambda image: image.filter(ImageFilter.GaussianBlur(radius))


def _levels(gain: float, shift: float) -> Change:
    return lambda image: image.point(lambda v: max(0, min(255, round(v * gain + shift))))


def _cut(left: float, top: float) -> Change:
    return lambda image: image.crop(
        (int(image.width * left), int(image.height * top), image.width, image.height)
    )


BLURRED = "capture.page-blurred"
DEFECTS: dict[str, tuple[Change, str]] = {
    **{f"Gaussian blur {one:g} px": (_blurred(one), BLURRED) for one in (1, 1.5, 2, 3)},
    "left 30 % cut off": (_cut(0.3, 0), "capture.text-cut-off"),
    "upper 35 % cut off": (_cut(0, 0.35), "capture.text-cut-off"),
}
RESCANS: dict[str, Change] = {
    "the same": lambda image: image,
    "1 % brighter, noise": _levels(1.01, 2),
    "shifted by 1 %": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, image.width / 100, 0, 1, image.height / 100)
    ),
    "turned by 0.3 degrees": _rotated(0.3),
    "10 % darker, blurred": lambda image: _levels(0.9, 0)(_blurred(0.7)(image)),
}


def measured(image: Image.Image, dpi: float | None) -> MeasuredPage:
    """The measures of a page, as a station records them."""
    measures = measure_page(np.asarray(image), 8, dpi, cmyk=False)
    size = {"width": image.width, "height": image.height}
    return MeasuredPage({**measures.document(), **size}, measures.shifted)


def apart(one: MeasuredPage, other: MeasuredPage) -> int:
    """The bits in which two captures differ, as a station compares them."""
    hashes = (one.document["hash"], *one.shifted)
    return min(distance(each, other.document["hash"]) for each in hashes)


def codes(page: MeasuredPage) -> set[str]:
    """The codes of the warnings about one page."""
    return {one.code for one in page_warnings(page, "0001", "page", EarlierPages())}


def pages(count: int) -> Iterator[tuple[str, Image.Image, float | None]]:
    """Real pages, as many of each collection as there are or as its share allows."""
    draw = random.Random(1)
    for name, share in (
        ("scripts", 0.45),
        ("figures", 0.4),
        ("gallicorpora-18e", 0.14),
        ("kant-1784", 0.02),
    ):
        paths = sorted(
            path for path in (CORPORA / name).rglob("*") if path.suffix in (".jpg", ".jpeg", ".tif")
        )
        for path in sorted(draw.sample(paths, min(len(paths), max(2, int(count * share))))):
            with Image.open(path) as image:
                whole = image.convert("RGB")
                # What a station does with 600 dpi: sharpness is measured at about half.
                dpi = RESOLUTIONS.get(name)
                fine = dpi is not None and dpi > 400
                yield name, whole.reduce(2) if fine else whole, dpi and min(dpi, 300.0)


def main() -> None:
    """Print the rates."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=100)
    count = options.parse_args().pages
    false, hits, tried, again = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    total, seconds, kept = 0, 0.0, list[tuple[str, MeasuredPage]]()
    for name, image, dpi in pages(count):
        total += 1
        began = time.process_time()
        own = measured(image, dpi)
        seconds += time.process_time() - began
        good = codes(own)
        false.update(good)
        for code in sorted(good):
            print(f"  {code} {name} {total}")
        for defect, (change, code) in DEFECTS.items():
            if code not in good:
                tried[defect] += 1
                hits[defect] += code in codes(measured(change(image), dpi))
        for rescan, change in RESCANS.items():
            again[rescan] += apart(measured(change(image), dpi), own) <= SAME_BEFORE_BITS
        kept.append((name, own))
    print(
        f"{total} pages, {seconds / total * 1000:.0f} ms of processor time each, without decoding"
    )
    for code in sorted(false):
        print(f"warned of a page as it is: {code} {false[code] / total:.1%}")
    for defect, (_, code) in DEFECTS.items():
        print(f"{defect}: {code} {hits[defect] / max(1, tried[defect]):.0%} of {tried[defect]}")
    for rescan in RESCANS:
        print(f"scanned again, {rescan}: capture.page-repeated {again[rescan] / total:.0%}")
    pairs = [
        apart(one, other)
        for at, (of, one) in enumerate(kept)
        for by, other in kept[:at]
        if of == by
    ]
    taken = sum(one <= SAME_BEFORE_BITS for one in pairs)
    print(f"different pages of a collection: {taken} of {len(pairs)} pairs taken for one page")


if __name__ == "__main__":
    main()
