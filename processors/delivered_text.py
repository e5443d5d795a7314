"""Takes over the text that was delivered with a page, instead of recognising it."""

from lxml import etree

from processors.ocr.delivered_alto import DeliveredText, NotReadable, read_delivered
from processors.outcome import Done, Outcome, rejected
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageRecognized

SIZE_TOLERANCE = 0.01
"""Share by which the size that the ALTO names may differ from the master's."""
FIRST_TURNED_ORIENTATION = 5
"""From this orientation tag on, width and height change places for display (TIFF 6.0)."""


def take_over(page: PageAcquired, delivered: FileRef, tools: Tools) -> Outcome:
    """The delivered ALTO byte for byte, and its text in reading order beside it."""
    content = tools.storage.read(delivered)
    try:
        told = read_delivered(content, tools.standards)
    except NotReadable as wrong:
        where = f"the text delivered for {page.original_name}"
        return rejected("page.text-not-readable", str(wrong), where)
    files = (
        tools.storage.keep(
            content, area=Area.DERIVATIVES, use="alto", media_type="application/xml"
        ),
        tools.storage.keep(
            told.text.encode(), area=Area.DERIVATIVES, use="text", media_type="text/plain"
        ),
    )
    fact = PageRecognized(
        languages=page.languages,
        script=page.script,
        mean_confidence=told.mean_confidence,
        words=told.words,
        characters=len("".join(told.text.split())),
        read=True,
        provided=True,
        optional_branches=page.optional_branches,
        files=files,
        acts=(*_done(told, delivered, files), *_warnings(page, told, delivered)),
    )
    return Done(fact)


def _done(told: DeliveredText, delivered: FileRef, files: tuple[FileRef, ...]) -> tuple[Act, ...]:
    parser = Agent(
        type="software", name="lxml", version=etree.__version__, role="executing program"
    )
    source = f"sha256:{delivered.sha256}"
    return (
        Act(
            type="validation",
            outcome="suc",
            detail=f"The ALTO delivered with the page is {told.judged_by}; taken over unchanged.",
            agents=(parser,),
            sources=(source,),
        ),
        Act(
            type="creation",
            outcome="suc",
            detail="Plain text drawn from the delivered ALTO in its reading order.",
            agents=(parser,),
            sources=(source,),
            results=(f"sha256:{files[1].sha256}",),
        ),
    )


def _warnings(page: PageAcquired, told: DeliveredText, delivered: FileRef) -> tuple[Act, ...]:
    source = (f"sha256:{delivered.sha256}",)
    found = []
    differs = _size_difference(page, told)
    if differs:
        found.append(("page.text-size-differs", differs))
    if not told.words:
        found.append(("page.no-text-found", "The ALTO delivered with the page contains no words."))
    return tuple(
        Act(type="validation", outcome="war", code=code, detail=detail, sources=source)
        for code, detail in found
    )


def _size_difference(page: PageAcquired, told: DeliveredText) -> str:
    """How the size that the ALTO names differs from that of the displayed master; empty if not."""
    said = told.size_px(page.resolution_dpi)
    if said is None:
        return ""
    turned = page.orientation >= FIRST_TURNED_ORIENTATION
    shown = (page.height_px, page.width_px) if turned else (page.width_px, page.height_px)
    if all(
        abs(one - other) <= SIZE_TOLERANCE * other for one, other in zip(said, shown, strict=True)
    ):
        return ""
    return (
        f"The delivered ALTO describes a page of {said[0]} x {said[1]} pixels; "
        f"the displayed master has {shown[0]} x {shown[1]} pixels."
    )
