"""Likely cells become boxes, and one box does not hide in another."""

import numpy as np

from processors.enrich.figure_boxes import FigureBox, boxes_of
from processors.enrich.figure_cells import CELL


def likely(*areas: tuple[int, int, int, int]) -> np.ndarray:
    cells = np.full((110, 80), 0.1, np.float32)
    for left, top, right, bottom in areas:
        cells[top:bottom, left:right] = 0.9
    return cells


def test_each_connected_area_is_a_box_the_largest_first():
    large, small = boxes_of(likely((10, 10, 40, 40), (50, 60, 62, 70)))

    assert (large.left, large.top, large.width, large.height) == (80, 80, 240, 240)
    assert (small.left, small.top) == (50 * CELL, 60 * CELL)
    assert small.likely > 0.85


def test_a_page_without_likely_cells_and_specks_give_no_boxes():
    assert boxes_of(likely()) == []
    assert boxes_of(likely((10, 10, 12, 12))) == []


def test_a_box_within_another_is_part_of_it():
    frame = likely((5, 5, 60, 60))
    frame[10:55, 10:55] = 0.1
    frame[25:40, 25:40] = 0.9

    assert [box.width for box in boxes_of(frame)] == [55 * CELL]


def test_slices_are_rows_and_columns():
    rows, columns = FigureBox(8, 16, 24, 32, 0.9).slices()

    assert (rows, columns) == (slice(16, 48), slice(8, 32))
