"""What models found in pages of sources that they had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.training.corpus import LabelledPage


@dataclass(frozen=True)
class Seen:
    """A view of a page and its patches."""

    page: LabelledPage
    view: int
    patches: NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """What models that never saw a view's source found in it."""

    seen: Sequence[Seen]
    folds: NDArray[np.int64]
    patches: Sequence[NDArray[np.float64]]
    """Probabilities of styles, one row for each patch."""
