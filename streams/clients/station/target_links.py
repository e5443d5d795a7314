"""Links the captures of a delivery to the colour target that was measured before them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.models import Act
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.delivered_targets import OtherTarget
from streams.clients.targets.target_findings import TARGET_CODES, in_words

VALIDATION = "validation"
REACHED, MISSED = "suc", "war"
LONGEST = timedelta(hours=24)
"""How long a target of another batch counts: a day at the device, in every time zone."""


@dataclass(frozen=True)
class MeasuredTarget:
    """A capture of a target."""

    page_id: str
    record: CaptureRecord
    batch_id: str | None = None
    """The batch that it belongs to, if it is another one."""

    @property
    def measured(self) -> dict[str, Any]:
        """What was measured."""
        return self.record.target or {}

    @property
    def missed(self) -> list[dict[str, str]]:
        """The aims that it does not reach."""
        return [one for one in self.record.warnings if one["code"].startswith(TARGET_CODES)]


class SessionTargets:
    """The measured targets of a delivery, by the time of their captures."""

    def __init__(
        self, pages: Iterable[tuple[str, CaptureRecord]], others: Iterable[OtherTarget] = ()
    ) -> None:
        """Those among all captures, which are given with the ids of their pages, and those of other
        batches."""
        found = [
            MeasuredTarget(page_id, one)
            for page_id, record in pages
            for one in (*record.earlier(), record)
            if one.target is not None and one.event_id is not None
        ]
        found += [MeasuredTarget(one.page_id, one.record, one.batch_id) for one in others]
        self._targets = sorted(found, key=lambda one: one.record.captured_at)

    def target_of(self, record: CaptureRecord) -> MeasuredTarget | None:
        """The target that shows how exact a capture is: the last one before it with the same device
        and profile, or None. One of another batch counts for a day."""
        before = [one for one in self._targets if _counts(one, record)]
        return before[-1] if before else None

    def act_for(self, page_id: str, record: CaptureRecord) -> Act | None:
        """The act by which a target shows how exact a capture is: that of the capture itself, or
        the last one before it with the same device and profile. None without one."""
        target = self.target_of(record)
        if target is None:
            return None
        own = target.record.event_id == record.event_id
        return Act(
            type=VALIDATION,
            outcome=MISSED if target.missed else REACHED,
            code=target.missed[0]["code"] if target.missed else None,
            detail=_detail(target, own=own),
            sources=(f"page:{page_id}", f"sha256:{target.record.sha256}"),
        )


def _counts(target: MeasuredTarget, record: CaptureRecord) -> bool:
    """Whether a target was captured before a page, in the same circumstances."""
    before, at = target.record.captured_at, record.captured_at
    if before > at or _circumstances(target.record) != _circumstances(record):
        return False
    return target.batch_id is None or _time(at) - _time(before) < LONGEST


def _time(captured_at: str) -> datetime:
    return datetime.fromisoformat(captured_at)


def _circumstances(record: CaptureRecord) -> tuple[Any, ...]:
    device = record.device
    return record.driver, device.get("name"), device.get("serial"), record.profile


def _detail(target: MeasuredTarget, *, own: bool) -> str:
    measured = target.measured
    of_batch = f" of batch {target.batch_id}" if target.batch_id else ""
    before = f"page {target.page_id}{of_batch}, captured before with the same device,"
    where = "the page" if own else before
    missed = "; ".join(one["found"] for one in target.missed)
    verdict = f"Out of limits: {missed}" if missed else "All limits of the profile are kept"
    return (
        f"Target {measured['chart']} on {where} at {target.record.captured_at}"
        f" (capture {target.record.event_id}): {in_words(measured)}. {verdict}."
    )
