"""What is measured of a chart, and which aims of a profile it misses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from processors.error_catalogue import entries
from processors.profile import Profile, canonical, resolve
from processors.profile_target import Target
from streams.clients.capture.target_measures import CapturedTarget, measure_target
from streams.clients.targets.charts import Chart, Ruler
from streams.clients.targets.target_findings import in_words, target_findings
from tests.support.charts import Samples, exposed, with_cast, with_noise
from tests.unit.streams.clients.targets.test_chart_finding import CHART, CORNERS, PLACED

# Cyan is outside sRGB, in which the chart is rendered.
CYAN = 3.5


def aims(profile: str) -> Target:
    found = Profile.from_json(canonical(resolve(profile))).target
    assert found is not None
    return found


def measured(
    image: Samples, chart: Chart = CHART, dpi: float | None = 300, formula: str = "ciede2000"
) -> dict[str, Any]:
    corners = CORNERS.astype(np.float64)
    target = CapturedTarget(image.astype(np.float32), corners, True, None, dpi)
    return measure_target(target, chart, formula)


def test_an_exact_capture_has_no_error_but_what_its_colour_space_cannot_show():
    found = measured(PLACED)

    assert found["max_delta_e"] == pytest.approx(CYAN, abs=0.1)
    assert (found["worst_patch"], found["mean_delta_e"]) == ("cyan", pytest.approx(0.144, abs=0.02))
    for name in ("white_balance", "lightness_error", "cast_a", "cast_b"):
        assert found[name] == pytest.approx(0, abs=0.01)
    assert (found["least_gain"], found["most_gain"]) == (pytest.approx(1), pytest.approx(1))
    assert len(found["patches"]) == 24
    assert target_findings(found, aims("fadgi-4-bound-volume")) == ()
    assert target_findings(found, aims("metamorfoze-full")) == ()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda image: with_noise(image, 5), []),
        (
            lambda image: with_cast(image, (1, 0.96, 0.85)),
            ["target.colour-off", "target.neutral-off", "target.tone-off"],
        ),
        (lambda image: exposed(image, 0.7), ["target.colour-off", "target.tone-off"]),
        (
            lambda image: exposed(image, 1.5),
            ["target.colour-off", "target.tone-off"],
        ),
    ],
    ids=["noise", "cast", "too dark", "too light"],
)
def test_a_fault_of_the_capture_has_its_codes(
    change: Callable[[Samples], Samples], codes: list[str]
):
    found = target_findings(measured(change(PLACED)), aims("fadgi-3-bound-volume"))

    assert sorted({one.code for one in found}) == codes
    assert all(one.code in entries() and not one.refused for one in found)


def test_a_cast_has_its_direction():
    yellow, blue = (
        measured(with_cast(PLACED, (1, 1, 0.85))),
        measured(with_cast(PLACED, (0.9, 0.9, 1))),
    )

    assert yellow["cast_b"] > 5 > -5 > blue["cast_b"]
    text = in_words(yellow)
    assert f"in b* {yellow['cast_b']:g}" in text
    (found,) = target_findings(yellow, Target(chart="c", max_white_balance=2))
    assert f"b* by {yellow['cast_b']:+.1f}" in found.found


def test_lost_highlights_are_a_step_that_is_too_small():
    found = measured(exposed(PLACED, 1.5))

    assert found["least_gain"] < 0.5
    (text,) = [one.found for one in target_findings(found, Target(chart="c", min_gain=0.7))]
    assert text.startswith("a step between grey patches is 0.")


def test_a_grey_image_has_tones_and_no_colours():
    found = measured(PLACED.mean(axis=2, keepdims=True))

    assert "mean_delta_e" not in found
    assert abs(found["lightness_error"]) < 2
    assert target_findings(found, aims("fadgi-3-bound-volume")) == ()


def test_the_weight_of_lightness_is_that_of_the_formula():
    dark = exposed(PLACED, 0.8)

    found = measured(dark, formula="ciede2000-sl1")

    assert found["mean_delta_e"] > measured(dark)["mean_delta_e"] + 0.5


@pytest.mark.parametrize(("stated", "codes"), [(300, []), (310, ["target.resolution-off"])])
def test_the_width_of_the_chart_gives_the_resolution(stated: float, codes: list[str]):
    chart = CHART.model_copy(update={"width_mm": 420 / 300 * 25.4})

    found = measured(PLACED, chart, stated)

    assert found["measured_dpi"] == pytest.approx(300, rel=0.001)
    assert [one.code for one in target_findings(found, aims("fadgi-3-bound-volume"))] == codes


def with_marks(dpi: float) -> Samples:
    """A chart with a ruler below it, with a mark at each millimetre."""
    image = PLACED.copy()
    left, bottom = CORNERS[3].astype(int)
    at = np.arange(420)
    is_mark = (at * 25.4 / dpi) % 1.0 < 0.25
    image[bottom + 30 : bottom + 60, left : left + 420][:, is_mark] = 0.1
    return with_noise(image, 4)


HEIGHT = float(CORNERS[3][1] - CORNERS[0][1])
MARKED = CHART.model_copy(
    update={"ruler": Ruler(begin=(0.0, 1 + 45 / HEIGHT), end=(1.0, 1 + 45 / HEIGHT), tick_mm=1.0)}
)


@pytest.mark.parametrize("true_dpi", [286, 300, 312.5])
def test_a_ruler_gives_the_resolution_to_a_fifth_of_a_percent(true_dpi: float):
    found = measured(with_marks(true_dpi), MARKED)

    assert found["measured_dpi"] == pytest.approx(true_dpi, rel=0.002)


@pytest.mark.parametrize("dpi", [None, 600])
def test_without_marks_at_this_distance_no_resolution_is_measured(dpi: float | None):
    image = PLACED if dpi is None else with_marks(300)

    assert measured(image, MARKED, dpi)["measured_dpi"] is None
    assert measured(with_noise(PLACED, 4), MARKED, 300)["measured_dpi"] is None


def test_every_shipped_profile_with_aims_names_a_chart_that_exists():
    named = [
        path.stem
        for path in Path("processors/profiles").glob("*.toml")
        if "[target]" in path.read_text()
    ]

    assert len(named) >= 6
    assert {len(Chart.load(aims(name).chart, None).patches) for name in named} == {24}
