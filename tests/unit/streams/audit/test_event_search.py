"""What a search makes of a digest, and of the partitions that have nothing of a time."""

import pytest

from streams.audit.event_search import MOST_RANGES, _between, _few, digest_of

DIGEST = "ab" * 32
LAST = 5_000_000


@pytest.mark.parametrize("text", [DIGEST, DIGEST.upper(), f"sha256:{DIGEST}", f" {DIGEST}\n"])
def test_a_digest_is_read_as_people_write_it(text: str):
    assert digest_of(text) == f"sha256:{DIGEST}"


@pytest.mark.parametrize("text", ["", "ab", DIGEST + "00", "md5:" + DIGEST, "zz" * 32])
def test_what_is_not_a_sha_256_is_refused(text: str):
    assert digest_of(text) is None


def test_partitions_without_the_time_are_left_out():
    million = 1_000_000
    away = [(0, million - 1), (million, 2 * million - 1), (3 * million, 4 * million - 1)]

    assert list(_between(away, LAST)) == [(2 * million, 3 * million - 1), (4 * million, LAST)]
    assert list(_between([], LAST)) == [(0, LAST)]


def test_many_ranges_are_joined_where_the_gaps_are_smallest():
    near = [(10 * number, 10 * number + 8) for number in range(100)]
    far = [(10_000 * number, 10_000 * number + 5) for number in range(1, MOST_RANGES)]

    assert _few(near[:3]) == near[:3]
    assert _few([*near, *far]) == [(0, 998), *far]
    assert _few([(0, LAST)]) == [(0, LAST)]


def test_nothing_is_left_behind_the_last_event():
    assert list(_between([(0, 19_999)], 19_999)) == [(20_000, 20_000)]
    assert list(_between([(20_000, 39_999)], 39_999)) == [(0, 19_999), (40_000, 40_000)]
