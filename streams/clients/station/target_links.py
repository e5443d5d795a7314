"""Links the captures of a delivery to the colour target that was measured before them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas.models import Act
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.targets.target_findings import TARGET_CODES, in_words

VALIDATION = "validation"
REACHED, MISSED = "suc", "war"


@dataclass(frozen=True)
class MeasuredTarget:
    """A capture of a target."""

    page_id: str
    record: CaptureRecord

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

    def __init__(self, pages: Iterable[tuple[str, CaptureRecord]]) -> None:
        """Those among all captures, which are given with the ids of their pages."""
        found = [
            MeasuredTarget(page_id, one)
            for page_id, record in pages
            for one in (*record.earlier(), record)
            if one.target is not None and one.event_id is not None
        ]
        self._targets = sorted(found, key=lambda one: one.record.captured_at)

    def act_for(self, page_id: str, record: CaptureRecord) -> Act | None:
        """The act by which a target shows how exact a capture is: that of the capture itself, or
        the last one before it with the same device and profile. None without one."""
        before = [
            one
            for one in self._targets
            if one.record.captured_at <= record.captured_at
            and _circumstances(one.record) == _circumstances(record)
        ]
        if not before:
            return None
        target = before[-1]
        own = target.record.event_id == record.event_id
        return Act(
            type=VALIDATION,
            outcome=MISSED if target.missed else REACHED,
            code=target.missed[0]["code"] if target.missed else None,
            detail=_detail(target, own=own),
            sources=(f"page:{page_id}", f"sha256:{target.record.sha256}"),
        )


def _circumstances(record: CaptureRecord) -> tuple[Any, ...]:
    device = record.device
    return record.driver, device.get("name"), device.get("serial"), record.profile


def _detail(target: MeasuredTarget, *, own: bool) -> str:
    measured = target.measured
    where = "the page" if own else f"page {target.page_id}, captured before with the same device,"
    missed = "; ".join(one["found"] for one in target.missed)
    verdict = f"Out of limits: {missed}" if missed else "All limits of the profile are kept"
    return (
        f"Target {measured['chart']} on {where} at {target.record.captured_at}"
        f" (capture {target.record.event_id}): {in_words(measured)}. {verdict}."
    )
