"""A station's spool with a real broker: what was queued during an outage arrives in order, once."""

from pathlib import Path

import pytest

from tests.faults.spool_outage import suffer
from tests.support.large_folder import a_large_folder, queue_large_folder
from tests.support.parts import Parts


def test_nothing_is_lost_while_broker_and_store_are_gone_and_the_spool_is_killed(
    parts: Parts, tmp_path: Path
) -> None:
    outage = suffer(parts, tmp_path, pages=6, batches=3, away_seconds=1)

    assert len(outage.ticked) == 6
    assert outage.faults == ()
    assert (outage.lost, outage.disordered, outage.twice) == (0, 0, 0)
    assert outage.kills == 2


@pytest.mark.long
def test_a_folder_of_100_000_pages_is_queued_in_2_seconds(tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "folder")

    queueing = queue_large_folder(folder, tmp_path)

    # Of the processor: other tests run at the same time. `make spool` measures by the clock.
    assert queueing.processor_seconds < 2
