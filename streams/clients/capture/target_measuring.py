"""Measures pages of the kind `target` when they are captured or get this kind."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from processors.header_check import complete_header
from processors.profile_target import Target
from streams.clients.capture.target_measures import CapturedTarget, NotMeasured, measure_target
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.targets.charts import Chart, UnusableChart
from streams.clients.targets.places import Numbers
from streams.clients.targets.target_findings import TARGET_CODES, target_findings

TARGET = "target"
"""The kind of a page that shows a chart."""


@dataclass(frozen=True)
class TargetMeasuring:
    """The aims of a profile, and where the institution's charts are."""

    aims: Target | None
    profiles: Path | None = None

    def measured(
        self, record: CaptureRecord, path: Path, corners: Numbers | None = None
    ) -> CaptureRecord:
        """The record with what was measured in its file, and with warnings about aims that are not
        reached; without both if it is not a target or the profile has no aims."""
        others = [one for one in record.warnings if not one["code"].startswith(TARGET_CODES)]
        record = replace(record, target=None, warnings=others)
        if self.aims is None or record.kind != TARGET:
            return record
        document, found = self._measured(self.aims, path, corners)
        return replace(record, target=document, warnings=[*others, *found])

    def _measured(
        self, aims: Target, path: Path, corners: Numbers | None
    ) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        try:
            chart = Chart.load(aims.chart, self.profiles)
        except UnusableChart as wrong:
            return None, [{"code": "target.chart-unusable", "found": str(wrong)}]
        complete = complete_header(path)
        if isinstance(complete, str):
            return None, [{"code": "target.not-measured", "found": complete}]
        try:
            target = CapturedTarget.read(path, *complete, chart, corners)
            document = measure_target(target, chart, aims.formula)
        except NotMeasured as wrong:
            return None, [{"code": wrong.code, "found": wrong.found}]
        findings = target_findings(document, aims)
        return document, [{"code": one.code, "found": one.found} for one in findings]


def corners_in(text: str) -> Numbers:
    """Four corners written as `X,Y X,Y X,Y X,Y`. Raises ValueError."""
    places = np.array([[float(one) for one in pair.split(",")] for pair in text.split()])
    if places.shape != (4, 2) or not np.isfinite(places).all():
        raise ValueError("four corners are needed")
    turned = [_turn(places[at], places[(at + 1) % 4], places[(at + 2) % 4]) for at in range(4)]
    if min(turned) <= 0:
        raise ValueError("the corners are not in the order of the clock")
    return places


def _turn(one: Numbers, two: Numbers, three: Numbers) -> float:
    (ax, ay), (bx, by) = two - one, three - two
    return float(ax * by - ay * bx)
