"""What an analyzer is given, and what it suggests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Left, top, width, height, in pixels of the master."""


@dataclass(frozen=True)
class Word:
    """A word of the recognised text."""

    text: str
    box: Box
    confidence: float
    """0 to 1."""


@dataclass(frozen=True)
class PageView:
    """A page as analyzers see it: its access image and its text, never its master."""

    page_id: str
    image: NDArray[np.uint8]
    """Height x width x 3, sRGB, at the size of the access image."""
    master_width: int
    master_height: int
    dpi: float
    """Of the access image; 0 when not known."""
    words: Sequence[Word]
    text: str
    stated_languages: Sequence[str]
    titles: Sequence[str]
    """Of the item and its divisions at this page."""
    keywords: Sequence[str]
    """Embedded in the master."""

    @property
    def scale(self) -> float:
        """Pixels of the master for each pixel of the image."""
        return self.master_width / self.image.shape[1]


@dataclass(frozen=True)
class Suggestion:
    """What a model sees on a page, until a person decides."""

    kind: str
    """writing, script, figure, language, term, duplicate, blank."""
    label: str
    score: float
    """Calibrated, 0 to 1."""
    term_uri: str = ""
    vocabulary: str = ""
    box: Box | None = None
    evidence: Sequence[str] = ()
    """The words or measures that led to it."""


class Analyzer(Protocol):
    """Looks at one page at a time. Each process has one object; equal pages give equal results."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def weights_sha256(self) -> str:
        """Digest of the weights; empty when there are none."""
        ...

    @property
    def labels(self) -> Sequence[str]: ...

    def analyze(self, page: PageView) -> list[Suggestion]:
        """Everything that it suggests for the page."""
        ...
