"""Files of charts."""

from pathlib import Path

import numpy as np
import pytest

from streams.clients.targets.charts import Chart, UnusableChart

RULER = "[ruler]\nbegin = [0.0, 0.5]\nend = [1.0, 0.5]\ntick_mm = 1.0\n"
GREYS = """
columns = 2
rows = 1
gap = 0.2
patches = [["white", 95, 0, 0], ["black", 10, 0, 0]]
neutral = ["white", "black"]
"""


def chart(folder: Path, text: str, name: str = "house") -> Chart:
    (folder / "targets").mkdir(exist_ok=True)
    (folder / "targets" / f"{name}.toml").write_text(text)
    return Chart.load(name, folder)


def test_the_shipped_colorchecker_has_24_patches_and_six_greys():
    shipped = Chart.load("colorchecker-24", None)

    assert (len(shipped.patches), int(shipped.is_neutral().sum())) == (24, 6)
    assert "Source: X-Rite" in Path("processors/profiles/targets/colorchecker-24.toml").read_text()


def test_a_chart_of_the_institution_precedes_a_shipped_one(tmp_path: Path):
    assert len(chart(tmp_path, GREYS, "colorchecker-24").patches) == 2


def test_the_patches_reach_the_corners_with_the_gap_between_them(tmp_path: Path):
    cells = chart(tmp_path, GREYS).cells()

    assert cells[:, 0] == pytest.approx([0, 1 / 1.8])
    assert (cells[:, 0] + cells[:, 2])[1] == pytest.approx(1)
    assert cells[1, 0] - cells[0, 2] == pytest.approx(0.2 / 1.8)
    assert np.allclose(cells[:, 1] + cells[:, 3], 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GREYS.replace("columns = 2", "columns = 3"), "3 columns, 1 rows do not agree"),
        (GREYS.replace('"black"]\n', '"red"]\n'), "unknown patches: red"),
        (GREYS.replace("95, 0, 0", "95, 0"), "patches.0"),
        (GREYS + 'illuminant = "A"', "illuminant"),
        (GREYS + "colums = 2", "colums"),
        ("columns = ", "house.toml"),
        ("", "neither patches nor a ruler"),
        (RULER.replace("1.0\n", "0\n"), "ruler.tick_mm"),
    ],
)
def test_an_invalid_chart_says_what_is_wrong(text: str, found: str, tmp_path: Path):
    with pytest.raises(UnusableChart, match=found):
        chart(tmp_path, text)


@pytest.mark.parametrize("name", ["unknown", "../profiles/negative", "A"])
def test_a_chart_that_does_not_exist_is_not_read(name: str, tmp_path: Path):
    with pytest.raises(UnusableChart, match="does not exist"):
        Chart.load(name, tmp_path)


def test_a_ruler_alone_is_a_chart_that_cannot_be_found(tmp_path: Path):
    assert not chart(tmp_path, RULER).can_be_found
