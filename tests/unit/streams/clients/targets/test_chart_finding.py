"""Charts are found in images, wherever they are, and nothing else is taken for a chart."""

import numpy as np
import pytest

from streams.clients.targets.chart_finding import find_chart
from streams.clients.targets.charts import Chart
from streams.clients.targets.places import UNIT, Numbers
from tests.support.charts import Samples, exposed, rendered, turned, with_cast, with_noise
from tests.support.text_pages import text_page

CHART = Chart.load("colorchecker-24", None)
PLACED = rendered(CHART, 420, (800, 620))
WIDTH, HEIGHT = 420, round(420 / CHART.aspect)
PLACE = np.array([(800 - WIDTH) // 3, (620 - HEIGHT) // 3])
CORNERS = PLACE + UNIT * [WIDTH, HEIGHT]


def turned_corners(degrees: float, size: tuple[int, int]) -> Numbers:
    """Where the corners are after `turned`."""
    turn = np.radians(-degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved: Numbers = (CORNERS - [400, 310]) @ matrix.T + np.array(size) / 2
    return moved


@pytest.mark.parametrize(
    ("degrees", "image"),
    [
        (3.0, with_noise(with_cast(PLACED, (1, 0.9, 0.75)), 4)),
        (-92.0, exposed(PLACED, 0.5)),
    ],
    ids=["skewed, with a cast and noise", "on its side and dark"],
)
def test_a_chart_is_found_to_half_a_percent(degrees: float, image: Samples):
    image = turned(image, degrees)

    found = find_chart(image.astype(np.float32), CHART)

    assert found is not None
    expected = turned_corners(degrees, (image.shape[1], image.shape[0]))
    assert np.abs(found - expected).max() < WIDTH * 0.005


def test_a_page_of_text_is_not_a_chart():
    page = np.asarray(text_page().convert("RGB").resize((600, 850)))

    assert find_chart(page.astype(np.float32) / 255, CHART) is None
