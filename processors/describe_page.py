"""Draws technical and descriptive metadata of a page from its master."""

from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas.models import PageAcquired, PageDescribed


def describe_page(page: PageAcquired, tools: Tools) -> Outcome:
    """To be written."""
    return Done(PageDescribed())
