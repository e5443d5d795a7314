"""The measurements of a machine."""

import os
import time
from pathlib import Path

import pytest

from streams.tuning import measurements
from streams.tuning.measurements import measure, measure_disk, measure_page


def test_a_disk_that_syncs_slowly_is_measured_as_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "fdatasync", lambda _: time.sleep(0.03))

    assert 30 <= measure_disk(tmp_path).sync_ms < 1000


def test_a_disk_that_writes_slowly_is_measured_as_slow_and_takes_little_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    written: list[int] = []
    pwrite = os.pwrite

    def slow(descriptor: int, data: bytes, offset: int) -> int:
        if len(data) > 4096:
            written.append(len(data))
            time.sleep(0.05)
        return pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)

    assert measure_disk(tmp_path).mb_per_second < 21
    # Growing writes end soon: the largest one is not begun.
    assert sum(written) < 4 * measurements.LARGEST_WRITE_MB * 1_000_000


def test_the_measurement_leaves_no_file(tmp_path: Path):
    measure_disk(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_the_processor_time_of_a_page_does_not_count_waiting():
    waited = measure_page(lambda _: time.sleep(0.5))

    assert waited < 0.4


def test_a_home_that_does_not_exist_is_measured_where_it_will_be(tmp_path: Path):
    found = measure(tmp_path / "not" / "yet", read_page=lambda _: None)

    assert found.sync_ms > 0 and found.mb_per_second > 0
    assert list(tmp_path.iterdir()) == []
