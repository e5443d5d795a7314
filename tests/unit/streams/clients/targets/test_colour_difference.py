"""The formula CIEDE2000 against published pairs of colours."""

import numpy as np
import pytest

from streams.clients.targets.colour_difference import ciede2000, without_lightness

# G. Sharma, W. Wu, E. Dalal: The CIEDE2000 color-difference formula, 2005, table 1. Each row has two
# colours L*, a*, b* and their difference.
PAIRS = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.02 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1
50 -1.1848 -84.8006 50 0 -82.7485 1
50 -0.9009 -85.5211 50 0 -82.7485 1
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.49 -0.001 50 -2.49 0.0009 7.1792
50 2.49 -0.001 50 -2.49 0.001 7.1792
50 2.49 -0.001 50 -2.49 0.0011 7.2195
50 2.49 -0.001 50 -2.49 0.0012 7.2195
50 -0.001 2.49 50 0.0009 -2.49 4.8045
50 -0.001 2.49 50 0.001 -2.49 4.8045
50 -0.001 2.49 50 0.0011 -2.49 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.903
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1
50 2.5 0 50 3.2972 0 1
50 2.5 0 50 1.8634 0.5757 1
50 2.5 0 50 3.2592 0.335 1
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.263
61.2901 3.7196 -5.3901 61.4292 2.248 -4.962 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.694 23.0331 14.973 -42.5619 2.0373
36.4612 47.858 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.441 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.135 0.9033 -0.0636 -0.5514 0.9082
"""
TABLE = np.array([list(map(float, line.split())) for line in PAIRS.strip().splitlines()])


@pytest.mark.parametrize("swapped", [False, True])
def test_every_published_pair_has_its_published_difference(swapped: bool):
    one, other, published = TABLE[:, :3], TABLE[:, 3:6], TABLE[:, 6]

    found = ciede2000(other, one) if swapped else ciede2000(one, other)

    assert len(published) == 34
    assert np.abs(found - published).max() < 0.0001


def test_without_its_weight_a_difference_in_lightness_counts_in_full():
    one, other = np.array([[95.0, 0, 0], [20.0, 0, 0]]), np.array([[93.0, 0, 0], [22.0, 0, 0]])

    assert ciede2000(one, other, lightness_weight=False) == pytest.approx([2, 2])
    assert all(ciede2000(one, other) < 1.6)


def test_the_white_balance_is_independent_of_exposure():
    grey, cast = np.array([[50.0, 0, 0]]), np.array([[50.0, 0, 4]])
    darker = cast - [[20, 0, 0]]

    assert without_lightness(darker, grey) == pytest.approx(without_lightness(cast, grey))
    assert without_lightness(grey - [[20, 0, 0]], grey) == pytest.approx([0])
