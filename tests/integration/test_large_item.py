"""An item of 1,500 small pages is assembled within a minute and in little memory."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support import large_item

MB = 1_000_000


@pytest.mark.long
def test_1500_small_pages_take_a_minute_300_mb_and_12_mb_of_premis(tmp_path: Path):
    large_item.build(tmp_path, 1500)

    command = [sys.executable, "-m", "tests.support.large_item", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)

    took = json.loads(done.stdout)
    with tarfile.open(tmp_path / took["key"]) as archive:
        premis = archive.getmember(f"vol-1.v1/{large_item.PREMIS}").size
    print(took, premis)
    assert premis <= 12 * MB
    assert took["peak_bytes"] <= 300 * MB
    assert took["seconds"] <= 60
