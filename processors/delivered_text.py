"""Takes over the ALTO delivered with a page instead of recognising its text."""

from lxml import etree

from processors.ocr.delivered_alto import DeliveredText, NotReadable, read_delivered
from processors.outcome import Done, Outcome, rejected
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageRecognized

SIZE_TOLERANCE = 0.01
"""Share by which the page size in the ALTO may differ from the master's."""
FIRST_SIDEWAYS_ORIENTATION = 5
"""From this value of the orientation tag, width and height are swapped for display (TIFF 6.0)."""


def take_over(page: PageAcquired, delivered: FileRef, tools: Tools) -> Outcome:
    """Store the delivered ALTO unchanged, and its text in reading order as plain text."""
    content = tools.storage.read(delivered)
    try:
        alto = read_delivered(content, tools.standards)
    except NotReadable as wrong:
        where = f"the text delivered for {page.original_name}"
        return rejected("page.text-not-readable", str(wrong), where)
    files = (
        tools.storage.keep(
            content, area=Area.DERIVATIVES, use="alto", media_type="application/xml"
        ),
        tools.storage.keep(
            alto.text.encode(), area=Area.DERIVATIVES, use="text", media_type="text/plain"
        ),
    )
    fact = PageRecognized(
        languages=page.languages,
        script=page.script,
        mean_confidence=alto.mean_confidence,
        words=alto.words,
        characters=len("".join(alto.text.split())),
        read=True,
        provided=True,
        optional_branches=page.optional_branches,
        files=files,
        acts=(*_acts(alto, delivered, files), *_warnings(page, alto, delivered)),
    )
    return Done(fact)


def _acts(alto: DeliveredText, delivered: FileRef, files: tuple[FileRef, ...]) -> tuple[Act, ...]:
    parser = Agent(
        type="software", name="lxml", version=etree.__version__, role="executing program"
    )
    source = f"sha256:{delivered.sha256}"
    return (
        Act(
            type="validation",
            outcome="suc",
            detail=f"The ALTO delivered with the page is {alto.validity}; it is stored unchanged.",
            agents=(parser,),
            sources=(source,),
        ),
        Act(
            type="creation",
            outcome="suc",
            detail="Plain text extracted from the delivered ALTO in reading order.",
            agents=(parser,),
            sources=(source,),
            results=(f"sha256:{files[1].sha256}",),
        ),
    )


def _warnings(page: PageAcquired, alto: DeliveredText, delivered: FileRef) -> tuple[Act, ...]:
    source = (f"sha256:{delivered.sha256}",)
    found = []
    differs = _size_difference(page, alto)
    if differs:
        found.append(("page.text-size-differs", differs))
    if not alto.words:
        found.append(("page.no-text-found", "The ALTO delivered with the page contains no words."))
    return tuple(
        Act(type="validation", outcome="war", code=code, detail=detail, sources=source)
        for code, detail in found
    )


def _size_difference(page: PageAcquired, alto: DeliveredText) -> str:
    """How the page size in the ALTO differs from the displayed master; empty if it does not."""
    stated = alto.size_px(page.resolution_dpi)
    if stated is None:
        return ""
    sideways = page.orientation >= FIRST_SIDEWAYS_ORIENTATION
    displayed = (page.height_px, page.width_px) if sideways else (page.width_px, page.height_px)
    if all(
        abs(one - other) <= SIZE_TOLERANCE * other
        for one, other in zip(stated, displayed, strict=True)
    ):
        return ""
    return (
        f"The delivered ALTO describes a page of {stated[0]} x {stated[1]} pixels; "
        f"the displayed master has {displayed[0]} x {displayed[1]} pixels."
    )
