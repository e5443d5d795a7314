"""An item of 1,500 small pages is assembled within a minute and in little memory."""

import json
import subprocess
import sys

import pytest

MB = 1_000_000


@pytest.mark.long
def test_1500_small_pages_take_a_minute_300_mb_and_12_mb_of_premis():
    command = [sys.executable, "-m", "tests.support.large_item", "1500"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)

    took = json.loads(done.stdout)
    print(took)
    assert took["premis_bytes"] <= 12 * MB
    assert took["peak_bytes"] <= 300 * MB
    assert took["seconds"] <= 60
