"""The power fails while objects, receipts and entries of the audit log are kept: what was promised is
there, whole, and nothing is there in part.

The disk is a file with ext4 on it; copies of the file at random moments are what a power cut leaves.
`python -m tests.faults.power_cut --images 500` takes more of them."""

import json
import os
from pathlib import Path
from random import Random

import pytest

from streams.sealer.sealed_log import PLAN
from tests.faults.power_cut.__main__ import survey
from tests.faults.power_cut.audit_log import LEAVES, WrittenLog, log_faults

mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

IMAGES = 24


@mounts
def test_whatever_was_promised_outlasts_a_power_cut():
    figures = survey(IMAGES, seed=5)

    assert figures["faults"] == []
    assert figures["images"] >= IMAGES // 2 and figures["promised"] > 10 * IMAGES, figures


@mounts
def test_a_store_that_does_not_flush_is_found():
    figures = survey(4, seed=6, fsync=False)

    assert any(fault.endswith("is gone") for fault in figures["faults"]), figures
    assert any("audit log" in fault for fault in figures["faults"]), figures


def test_a_plan_that_is_gone_or_of_an_earlier_batch_is_found(tmp_path: Path):
    log, chance = WrittenLog(tmp_path), Random(3)
    size = log.append(chance)
    earlier = (tmp_path / PLAN).read_bytes()
    known = {LEAVES: str(log.append(chance))}
    planned = json.loads((tmp_path / PLAN).read_bytes())
    log.close()

    assert log_faults(tmp_path, known) == []
    (tmp_path / PLAN).write_bytes(earlier)
    assert log_faults(tmp_path, known) == [
        f"the plan is of 0 to {size}, the log ends at {known[LEAVES]}"
    ]
    (tmp_path / PLAN).write_text(json.dumps({**planned, "hashes": planned["hashes"][::-1]}))
    assert log_faults(tmp_path, known) == ["the plan has other hashes"]
    (tmp_path / PLAN).write_bytes(b"")
    assert log_faults(tmp_path, known) == ["the plan of the last batch is gone"]
