"""The table of steps: complete, light to read, and what follows from it.

The second tables of this file are written apart from the rows on purpose: they hold what must stay
as it is when a step is added."""

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
READ_OUTSIDE = {"BatchSettled", "ControlDecided"}
"""Facts for stations and people: no part of the line takes them."""
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
def test_the_function_of_a_row_takes_what_the_row_says(step: Step):
    first = next(iter(inspect.signature(step.function).parameters))

    assert typing.get_type_hints(step.function)[first] is step.takes


def test_the_table_lacks_nothing() -> None:
    assert table_errors() == []


def test_what_comes_from_outside_owes_no_events() -> None:
    assert {one.__name__ for one in {*MODELS} - {*facts_with_events()}} == FROM_OUTSIDE


def test_the_tracker_reads_and_writes_what_it_did() -> None:
    assert {topic_of(record).name for record in READ_BY_THE_TRACKER} <= set(FACTS_READ)
    assert set(TRACKER_OUTPUTS) == {topic_of(record).name for record in WRITTEN_BY_THE_TRACKER}


@pytest.mark.parametrize("fact", MODELS, ids=lambda fact: fact.__name__)
def test_every_fact_is_written_and_read_by_somebody(fact: type[Fact]) -> None:
    assert written_by(fact)
    read_by_the_tracker = topic_of(fact.__name__).name in FACTS_READ
    assert taken_by(fact) or read_by_the_tracker or fact.__name__ in READ_OUTSIDE


def test_every_file_has_the_place_in_the_package_that_it_had() -> None:
    places = {use: (file.folder, file.group) for use, file in package_files().items()}

    assert places | PACKAGED == places
    assert [group for group in groups() if group in GROUPS] == GROUPS
