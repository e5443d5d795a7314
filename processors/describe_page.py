"""Extracts technical and descriptive metadata from the master of a page."""

from functools import cache
from pathlib import Path

from processors.imaging.image_of_file import image_alone
from processors.metadata_extraction.crosswalk import dublin_core_of
from processors.metadata_extraction.embedded import (
    DIGITIZED,
    MAKE,
    MODEL,
    SERIAL,
    SOFTWARE,
    Embedded,
    embedded_of,
    iso_date,
)
from processors.metadata_extraction.exiftool import Exiftool, UnusableMetadata
from processors.metadata_extraction.mix import mix
from processors.metadata_extraction.xmp_depth import refuse_deep_xmp
from processors.outcome import Done, Outcome
from processors.page_files import file_for
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageDescribed

EXECUTING = "executing program"
JSON, XML = "application/json", "application/xml"
MAX_DETAIL_LENGTH = 1000
MAX_TAGS_LISTED = 10


@cache
def _exiftool() -> Exiftool:
    """The exiftool of this process."""
    return Exiftool()


@cache
def _version() -> str:
    return _exiftool().version()


def describe_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Store the embedded metadata of a master as JSON, as MIX 2.0 and, if it has a description, as
    Dublin Core. Raises ToolHung, ToolCrashed and StorageError."""
    master = file_for("master", page.files)
    with image_alone(tools.storage.path(master), page.image, tools.scratch) as path:
        embedded = _embedded(path)
    documents = [("mix", XML, mix(page, embedded)), ("embedded", JSON, embedded.document())]
    described = dublin_core_of(embedded)
    if described is not None:
        documents.append(("embedded-dc", XML, described))
    files = tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type=media_type)
        for use, media_type, content in documents
    )
    return Done(_fact(embedded, files, master))


def _embedded(master: Path) -> Embedded:
    try:
        refuse_deep_xmp(master)
        return embedded_of(_exiftool().read(master))
    except UnusableMetadata as unusable:
        # The pixels are intact, so the page continues without its embedded metadata.
        return Embedded({}, warnings=(str(unusable),))


def _fact(embedded: Embedded, files: tuple[FileRef, ...], master: FileRef) -> PageDescribed:
    return PageDescribed(
        device_make=embedded.text(*MAKE),
        device_model=embedded.text(*MODEL),
        device_serial=embedded.text(*SERIAL),
        capture_software=embedded.text(*SOFTWARE),
        captured_at=iso_date(embedded.text(*DIGITIZED)),
        files=files,
        acts=_acts(embedded, files, master),
    )


def _notices(embedded: Embedded) -> str:
    if not embedded.notices:
        return ""
    return f" Notices of exiftool: {'; '.join(embedded.notices)}."[:MAX_DETAIL_LENGTH]


def _acts(embedded: Embedded, files: tuple[FileRef, ...], master: FileRef) -> tuple[Act, ...]:
    written = ", ".join(file.use for file in files)
    exiftool = Agent(type="software", name="exiftool", version=_version(), role=EXECUTING)
    extraction = Act(
        type="metadata extraction",
        outcome="suc",
        detail=f"{len(embedded.tags)} embedded tags read; written: {written}.{_notices(embedded)}",
        agents=(exiftool,),
        sources=(f"sha256:{master.sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in files),
    )
    problems = [*embedded.warnings]
    if embedded.dropped:
        first = ", ".join(embedded.dropped[:MAX_TAGS_LISTED])
        problems.append(f"tags too large to be stored ({len(embedded.dropped)}): {first}")
    if not problems:
        return (extraction,)
    warning = Act(
        type="validation",
        outcome="war",
        code="page.metadata-damaged",
        detail="; ".join(problems)[:MAX_DETAIL_LENGTH],
        agents=(exiftool,),
        sources=(f"sha256:{master.sha256}",),
    )
    return extraction, warning
