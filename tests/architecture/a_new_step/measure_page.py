"""Compares the colour target on a page with its chart."""

import json
from datetime import timedelta

from processors.outcome import Done, ErrorClass, Outcome, TryLater
from processors.tools import Area, Tools
from schemas.models import PageAcquired, PageMeasured


def measure_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Count the patches of the chart; without a chart the work waits for it."""
    chart = tools.profiles / "chart.json" if tools.profiles else None
    if chart is None or not chart.is_file():
        return TryLater("the chart is not there", ErrorClass.STORAGE, after=timedelta(minutes=2))
    patches = json.loads(chart.read_text("utf-8"))["patches"]
    report = json.dumps({"page": page.ref, "patches": patches}).encode()
    file = tools.storage.keep(
        report, area=Area.DERIVATIVES, use="measurement", media_type="application/json"
    )
    return Done(PageMeasured(patches=patches, files=(file,)))
