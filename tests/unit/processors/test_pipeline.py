"""The table of steps is complete, and what is derived from it is as expected.

The tables in this file are independent of the rows on purpose: they list what must not change when
a step is added."""

import inspect
import typing

import pytest

from processors.package.layout import groups
from processors.pipeline import (
    STEPS,
    Step,
    facts_with_events,
    package_files,
    taken_by,
    written_by,
)
from processors.table_check import table_errors
from schemas.catalogue import MODELS, topic_of
from schemas.models import Fact
from streams.topology import FACTS_READ, TRACKER_OUTPUTS

FROM_OUTSIDE = {"BatchSubmitted", "PageCaptured", "PackageReceived", "ControlRequested"}
READ_OUTSIDE = {"BatchSettled", "ControlDecided", "PageAnalyzed"}
"""Facts that only stations and people read."""
READ_BY_THE_TRACKER = {
    *("BatchReceived", "CaptureAccepted", "ReceiptAccepted", "BatchAccepted", "ItemRegistered"),
    *("PageAcquired", "PageDerived", "PageRecognized", "PageDescribed", "PageEnriched"),
    *("PackagePublished", "WorkDeferred", "WorkQuarantined", "ControlRequested"),
}
WRITTEN_BY_THE_TRACKER = {
    *("PageAdmitted", "ItemCompleted", "BatchSettled", "ControlDecided", "WorkQuarantined"),
}
PACKAGED = {
    "master": ("data/master", "MASTER"),
    "access": ("data/access", "DEFAULT"),
    "pyramid": ("data/access", "DEFAULT"),
    "thumbnail": ("data/access", "THUMBS"),
    "alto": ("data/text", "FULLTEXT"),
    "hocr": ("data/text", "FULLTEXT"),
    "text": ("data/text", "FULLTEXT"),
    "tsv": ("data/text", "FULLTEXT"),
    "pdf": ("data/download", "DOWNLOAD"),
}
GROUPS = ["MASTER", "DEFAULT", "THUMBS", "FULLTEXT", "DOWNLOAD", "TARGET"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.work)
def test_the_function_of_a_step_takes_the_fact_of_its_row(step: Step):
    first = next(iter(inspect.signature(step.function).parameters))

    assert typing.get_type_hints(step.function)[first] is step.takes


def test_the_table_is_complete() -> None:
    assert table_errors() == []


def test_external_requests_have_no_events() -> None:
    assert {one.__name__ for one in {*MODELS} - {*facts_with_events()}} == FROM_OUTSIDE


def test_the_tracker_reads_and_writes_the_expected_facts() -> None:
    assert {topic_of(record).name for record in READ_BY_THE_TRACKER} <= set(FACTS_READ)
    assert set(TRACKER_OUTPUTS) == {topic_of(record).name for record in WRITTEN_BY_THE_TRACKER}


@pytest.mark.parametrize("fact", MODELS, ids=lambda fact: fact.__name__)
def test_every_fact_has_a_writer_and_a_reader(fact: type[Fact]) -> None:
    assert written_by(fact)
    read_by_the_tracker = topic_of(fact.__name__).name in FACTS_READ
    assert taken_by(fact) or read_by_the_tracker or fact.__name__ in READ_OUTSIDE


def test_every_use_has_the_expected_folder_and_group_in_the_package() -> None:
    targets = {use: (file.folder, file.group) for use, file in package_files().items()}

    assert targets | PACKAGED == targets
    assert [group for group in groups() if group in GROUPS] == GROUPS
