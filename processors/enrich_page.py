"""Checks the language of a page's text by a model; its answers are never waited for."""

from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas.models import PageEnriched, PageRecognized


def enrich_page(page: PageRecognized, tools: Tools) -> Outcome:
    """To be written."""
    return Done(PageEnriched())
