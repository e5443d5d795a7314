"""Measures of pages, kept in .cache so that training again is quick."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.training import views
from bench.training.corpus import CHECKOUT, LabelledPage
from processors import enrich
from processors.enrich.figure_cells import cell_features
from processors.enrich.page_ink import PageInk, ink_of
from processors.enrich.writing_features import features_of
from processors.enrich.writing_patches import patches_of

CACHE = CHECKOUT / ".cache" / "models"
CODE = ("page_ink.py", "writing_patches.py", "writing_features.py", "figure_cells.py")
LONGEST = 900
"""Pixels of the longest side of the images in the corpora."""

Measures = NDArray[np.float32]


def page_view(page: LabelledPage, number: int) -> Image.Image:
    """The image of a page in one of its views."""
    image = Image.open(page.path).convert("RGB")
    image.thumbnail((LONGEST, LONGEST))
    seed = int(hashlib.sha256(page.name.encode()).hexdigest()[:8], 16)
    return views.view(image, number, seed)


def writing(page: LabelledPage, number: int) -> Measures:
    """Patches x measures."""
    return _kept(page, number, "writing", _writing)


def cells(page: LabelledPage, number: int) -> Measures:
    """Rows x columns x measures."""
    return _kept(page, number, "cells", lambda page_ink: cell_features(page_ink).astype(np.float32))


def ink(page: LabelledPage) -> PageInk:
    """The ink of a page as it is."""
    return ink_of(np.asarray(page_view(page, 0)))


def _writing(page_ink: PageInk) -> Measures:
    found = [features_of(patch) for patch in patches_of(page_ink)]
    return np.array(found, np.float32) if found else np.zeros((0, 0), np.float32)


def _kept(
    page: LabelledPage, number: int, what: str, measure: Callable[[PageInk], Measures]
) -> Measures:
    key = hashlib.sha256(f"{_code()} {page.name} {number} {what}".encode()).hexdigest()
    path = CACHE / f"{key}.npy"
    if path.exists():
        kept: Measures = np.load(path)
        return kept.astype(np.float32)
    measured = measure(ink_of(np.asarray(page_view(page, number))))
    CACHE.mkdir(parents=True, exist_ok=True)
    # In half precision, which is more than the measures are exact.
    np.save(path, measured.astype(np.float16))
    return measured.astype(np.float16).astype(np.float32)


def _code() -> str:
    folder = Path(enrich.__file__).parent
    parts = [(folder / name).read_bytes() for name in CODE]
    parts.append(Path(views.__file__).read_bytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()
