"""Keeps the ink of the page that analyzers look at, since several look at the same page in turn."""

import numpy as np
from numpy.typing import NDArray

from processors.enrich.analyzer import PageView
from processors.enrich.page_ink import PageInk, ink_of

_last: list[tuple[NDArray[np.uint8], PageInk]] = []


def ink(page: PageView) -> PageInk:
    """The ink of a page; computed once for all analyzers of a process."""
    if not _last or _last[0][0] is not page.image:
        _last[:] = [(page.image, ink_of(page.image))]
    return _last[0][1]
