"""Three checkers written apart, and the one call that asks them all."""

import time
from collections.abc import Collection, Mapping

from tests.faults.checkers import queues, sql_checker, standalone
from tests.faults.checkers.finding import Finding
from tests.support.reader import read_line
from tests.support.running_line import Line

PATIENCE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 1.0

__all__ = ["Finding", "judge", "law_broken"]


def judge(
    line: Line,
    batches: Collection[str],
    clean: Mapping[str, str] | None = None,
    *,
    spoiled: Collection[str] = (),
    began: float | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> list[Finding]:
    """Every finding of all checkers on a line that has come to rest.

    `batches` are the batch ids whose station was told that they are taken; `clean` is the
    content_digest by package_id of a run without faults; `spoiled` are store keys that were altered
    on purpose; `began` is time.time() at the beginning of the run. What is still on its way, such
    as the last events to the projection, gets `patience_seconds` to arrive; what breaks the law
    in any transaction is told at once."""
    deadline, broken = time.monotonic() + patience_seconds, set[Finding]()
    while True:
        over = time.monotonic() > deadline
        findings = sql_checker.check(line.dsn())
        broken |= {one for one in findings if one.rule in sql_checker.ALWAYS}
        if over or not findings:
            raws = read_line(line.kafka)
            findings += queues.check(line.kafka, raws)
            findings += standalone.check(
                raws, line.home, clean, acknowledged=batches, spoiled=spoiled, began=began
            )
            if over or not findings:
                return sorted({*broken, *findings})
        time.sleep(LOOK_EVERY_SECONDS)


def law_broken(line: Line) -> list[Finding]:
    """What must hold in every transaction and does not; to be sampled while work goes on."""
    return sql_checker.check(line.dsn(), at_rest=False)
