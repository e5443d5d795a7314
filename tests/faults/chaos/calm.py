"""The same material in another line, to which nothing happens."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path

from streams.settings import Settings
from tests.faults.chaos.draining import tell, until_ended
from tests.faults.chaos.line import RETRY_SCALE
from tests.faults.chaos.material import Batch
from tests.faults.chaos.spooling import write_profiles
from tests.faults.chaos.verdict import Calm
from tests.faults.chaos.workload import fault_free
from tests.support.running_line import Line


def without_faults(
    home: Path, batches: Sequence[Batch], rushed: Collection[str], versions: Collection[str]
) -> Calm:
    """What the batches give: first the rush batches, one by one, which shows how long their own
    work takes; at last those with later versions of items, when the earlier ones have ended."""
    calm, seconds = Line(home, COPYSTAND_RETRY_SCALE=RETRY_SCALE), dict[str, float]()
    write_profiles(home)
    began = time.monotonic()
    try:
        calm.up()
        settings = Settings.load({"COPYSTAND_HOME": str(home)})
        for number, batch in enumerate((one for one in batches if one.batch_id in rushed), 1):
            handed_over = time.monotonic()
            fault_free(settings, [batch])
            until_ended(calm, number, handed_over)
            seconds[batch.batch_id] = time.monotonic() - handed_over
        later = [one for one in batches if one.batch_id in versions]
        earlier = [one for one in batches if one.batch_id not in {*rushed, *versions}]
        fault_free(settings, earlier)
        until_ended(calm, len(batches) - len(later), time.monotonic())
        if later:
            fault_free(settings, later)
            until_ended(calm, len(batches), time.monotonic())
        rows = calm.ask("packages", "list", "--limit", "100000")
    finally:
        calm.down()
    alone = ", ".join(f"{one:.1f}" for one in seconds.values())
    took = time.monotonic() - began
    tell(f"without faults: {len(rows)} packages in {took:.0f} s; rush batches alone: {alone} s")
    digests = {row["package_id"]: row["content_digest"] for row in rows}
    return Calm(frozenset(one.batch_id for one in batches), digests, seconds)
