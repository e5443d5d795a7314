"""The pages of a completed item, as tasks for the models."""

from collections.abc import Iterator

from processors.enrich.page_task import PageTask
from processors.enrich.page_view import TEXT_USES
from processors.package.item_record import ItemRecord, read_item
from processors.tools import Tools
from schemas.ids import page_id
from schemas.models import (
    Fact,
    FileRef,
    Head,
    ItemCompleted,
    PageAcquired,
    PageDerived,
    PageDescribed,
    PageRecognized,
)

USES = ("master", "access", *TEXT_USES)
READ = (PageAcquired, PageDerived, PageRecognized, PageDescribed)
"""Facts that name these files."""


def tasks_of(
    completed: ItemCompleted, models: tuple[str, ...], tools: Tools
) -> Iterator[tuple[Head, PageTask]]:
    """Each page that has an access image, in order, with the head of its master's fact.

    Raises RecordIncomplete and StorageError."""
    item = read_item(completed, tools)
    titles = tuple(filter(None, [item.description.get("title")]))
    acquired: PageAcquired | None = None
    files: dict[str, FileRef] = {}
    for fact in _page_facts(item):
        if isinstance(fact, PageAcquired):
            if acquired is not None and "access" in files:
                yield acquired.head, _task(acquired, files, titles, models)
            acquired, files = fact, {}
        if acquired is not None and fact.head.page_id == acquired.head.page_id:
            files |= {file.use: file for file in fact.files if file.use in USES}
    if acquired is not None and "access" in files:
        yield acquired.head, _task(acquired, files, titles, models)


def _page_facts(item: ItemRecord) -> Iterator[Fact]:
    """The facts of the pages of the item; all facts of a page follow the one of its master."""
    known = {page_id(item.item_id, page["ref"]) for page in item.pages}
    return (one for one in item.facts() if isinstance(one, READ) and one.head.page_id in known)


def _task(
    acquired: PageAcquired,
    files: dict[str, FileRef],
    titles: tuple[str, ...],
    models: tuple[str, ...],
) -> PageTask:
    return PageTask(
        page_id=acquired.head.page_id or "",
        master_sha256=files["master"].sha256,
        master_width=acquired.width_px,
        master_height=acquired.height_px,
        master_dpi=acquired.resolution_dpi or 0.0,
        access=files["access"],
        texts=tuple(files[use] for use in TEXT_USES if use in files),
        stated_languages=acquired.languages,
        titles=titles,
        models=models,
    )
