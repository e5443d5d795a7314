"""Makes reading images of a page from its master: pyramid, access image, thumbnail."""

from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas.models import PageAcquired, PageDerived


def derive_page(page: PageAcquired, tools: Tools) -> Outcome:
    """To be written."""
    return Done(PageDerived())
