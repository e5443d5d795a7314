"""The power fails while objects, receipts and entries of the audit log are kept: what was promised is
there, whole, and nothing is there in part.

The disk is a file with ext4 on it; copies of the file at random moments are what a power cut leaves.
`python -m tests.faults.power_cut --images 500` takes more of them."""

import os

import pytest

from tests.faults.power_cut.__main__ import survey

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

IMAGES = 24


def test_whatever_was_promised_outlasts_a_power_cut():
    figures = survey(IMAGES, seed=5)

    assert figures["faults"] == []
    assert figures["images"] >= IMAGES // 2 and figures["promised"] > 10 * IMAGES, figures


def test_a_store_that_does_not_flush_is_found():
    figures = survey(4, seed=6, fsync=False)

    assert any(fault.endswith("is gone") for fault in figures["faults"]), figures
    assert any("audit log" in fault for fault in figures["faults"]), figures
