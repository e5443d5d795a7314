"""Measures a captured chart: colours, greys and resolution."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.imaging import icc
from processors.imaging.header import Header
from processors.imaging.resolution import agreed_resolution
from streams.clients.capture.decoded_page import decode_page
from streams.clients.targets.chart_finding import find_chart
from streams.clients.targets.charts import Chart
from streams.clients.targets.colour_difference import ciede2000, without_lightness
from streams.clients.targets.icc_colours import UnusableProfile, lab_of, to_d50
from streams.clients.targets.places import Image, Numbers, grid_in, on_image, values_at
from streams.clients.targets.ruler import MM_PER_INCH, ruler_dpi

MIDDLE, POINTS = 0.5, 24
"""Share of each patch that is measured, and places along each side of it."""
CUT = 0.1
"""Share of the lowest and of the highest values of a patch that are left out: dust, scratches."""
COLOURS = 3
ASSUMED = "sRGB (assumed)"


class NotMeasured(Exception):
    """A target was not measured; `code` is in the error catalogue."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code = code
        self.found = found


@dataclass(frozen=True)
class CapturedTarget:
    """The image of a chart, and where the chart is."""

    image: Image
    """Height x width x 1 or 3 channels, from 0 to 1."""
    corners: Numbers
    by_hand: bool
    """Whether a person stated the corners."""
    profile: bytes | None
    stated_dpi: float | None

    @classmethod
    def read(
        cls, path: Path, family: str, header: Header, chart: Chart, corners: Numbers | None
    ) -> "CapturedTarget":
        """The chart in a file. Raises NotMeasured."""
        image = _image(path, family, header)
        by_hand = corners is not None
        if corners is None:
            corners = _found(image, chart)
        dpi = agreed_resolution(header.resolutions).dpi
        return cls(image, corners, by_hand, header.icc, dpi)


def _found(image: Image, chart: Chart) -> Numbers:
    if not chart.can_be_found or image.shape[2] != COLOURS:
        what = "a chart of few colours" if not chart.can_be_found else "a chart in a grey image"
        raise NotMeasured("target.not-found", f"{what} is not found without its corners")
    corners = find_chart(image, chart)
    if corners is None:
        raise NotMeasured("target.not-found", f"the image does not show {chart.name}")
    return corners


def _image(path: Path, family: str, header: Header) -> Image:
    if header.colour_space not in ("greyscale", "rgb"):
        raise NotMeasured("target.not-measured", f"the image is {header.colour_space}")
    page = decode_page(path, family, header)
    if page is None:
        raise NotMeasured("target.not-measured", "a station does not decode this layout or size")
    channels = 3 if page.samples.shape[2] >= 3 else 1
    highest = np.iinfo(page.samples.dtype).max
    image: Image = page.samples[:, :, :channels].astype(np.float32)
    image /= np.float32(highest)
    return image


def measure_target(target: CapturedTarget, chart: Chart, formula: str) -> dict[str, Any]:
    """What was measured, as JSON values. Raises NotMeasured."""
    document: dict[str, Any] = {
        "chart": chart.name,
        "formula": formula,
        "corners": np.round(target.corners, 1).tolist(),
        "corners_by": "operator" if target.by_hand else "patches",
        "colour_profile": icc.description(target.profile) if target.profile else ASSUMED,
        "stated_dpi": target.stated_dpi,
        "measured_dpi": _resolution(target, chart),
    }
    if chart.patches:
        document |= _colours(target, chart, formula)
    return {key: _rounded(value) for key, value in document.items()}


def _colours(target: CapturedTarget, chart: Chart, formula: str) -> dict[str, Any]:
    places = grid_in(chart.cells(), MIDDLE, POINTS)
    values = values_at(target.image, on_image(target.corners, places.reshape(-1, 2)))
    samples = _means(values.reshape(*places.shape[:2], -1).astype(np.float64))
    try:
        found = lab_of(samples, target.profile)
    except UnusableProfile as wrong:
        raise NotMeasured("target.not-measured", str(wrong)) from wrong
    true, grey = to_d50(chart.lab, chart.illuminant), chart.is_neutral()
    document: dict[str, Any] = {"patches": _patches(chart, found)}
    if samples.shape[1] == 3:
        weight = formula == "ciede2000"
        differences = ciede2000(found, true, lightness_weight=weight)
        worst = int(np.argmax(differences))
        document |= {
            "mean_delta_e": float(differences.mean()),
            "90th_delta_e": float(np.percentile(differences, 90)),
            "max_delta_e": float(differences[worst]),
            "worst_patch": chart.patches[worst].name,
        }
        if grey.any():
            balance = without_lightness(found[grey], true[grey])
            document["white_balance"] = float(balance.max())
            cast = (found[grey] - true[grey]).mean(axis=0)
            document["cast_a"], document["cast_b"] = float(cast[1]), float(cast[2])
    return document | _tones(found[grey, 0], true[grey, 0])


def _tones(found: Numbers, true: Numbers) -> dict[str, Any]:
    """Lightness of the grey patches, and of the steps between them."""
    if not len(true):
        return {}
    errors = found - true
    document: dict[str, Any] = {"lightness_error": float(errors[np.argmax(np.abs(errors))])}
    order = np.argsort(true)
    steps = np.diff(true[order])
    if len(steps) and steps.min() > 0:
        gains = np.diff(found[order]) / steps
        document |= {"least_gain": float(gains.min()), "most_gain": float(gains.max())}
    return document


def _means(values: Numbers) -> Numbers:
    """The mean of each patch and channel without its extremes."""
    ordered = np.sort(values, axis=1)
    cut = int(values.shape[1] * CUT)
    found: NDArray[np.float64] = ordered[:, cut : values.shape[1] - cut].mean(axis=1)
    return found


def _patches(chart: Chart, found: Numbers) -> list[dict[str, Any]]:
    return [
        {"name": patch.name, "lab": [round(float(one), 2) for one in lab]}
        for patch, lab in zip(chart.patches, found, strict=True)
    ]


def _resolution(target: CapturedTarget, chart: Chart) -> float | None:
    """By the ruler, else by the width of the grid."""
    if chart.ruler is not None and target.stated_dpi:
        return ruler_dpi(target.image, chart.ruler, target.corners, target.stated_dpi)
    if chart.width_mm is None:
        return None
    corners = target.corners
    widths = [np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3])]
    return float(np.mean(widths)) / chart.width_mm * MM_PER_INCH


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
