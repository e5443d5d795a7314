"""Analyzers for tests: one that measures ink, one that fails, one that ends its process. A folder
installs them for a role that runs with it on its path."""

import os
import time
from pathlib import Path

from processors.enrich.analyzer import PageView, Suggestion

VERSION = "TEST_ANALYZER_VERSION"
ENDS_ITS_PROCESS = "none"
"""The version with which the analyzers end each process that loads them."""
ENTRY_POINTS = "[copystand.analyzers]\nsmall = tests.support.small_analyzers:analyzers\n"
BUSY_SECONDS = "TEST_ANALYZER_SECONDS"
"""Processor seconds that the one that measures ink needs for a page; 0 without it."""
METADATA = "Metadata-Version: 2.1\nName: small-analyzers\nVersion: 1\n"
DARK = 128


class Ink:
    """Suggests a kind of writing, a term and a figure from the dark pixels of a page."""

    id = "test-ink"
    labels = ("print", "unknown")

    def __init__(self, version: str) -> None:
        self.version = version

    @property
    def weights_sha256(self) -> str:
        return f"{len(self.version):x}".rjust(64, "a")

    def analyze(self, page: PageView) -> list[Suggestion]:
        until = time.process_time() + float(os.environ.get(BUSY_SECONDS, "0"))
        while time.process_time() < until:
            pass
        rows, columns = (page.image.min(axis=2) < DARK).nonzero()
        label = "print" if len(rows) else "unknown"
        left, top = int(columns.min() * page.scale), int(rows.min() * page.scale)
        box = (left, top, int(columns.max() * page.scale) - left, 40)
        words = tuple(word.text for word in page.words[:3])
        return [
            Suggestion("writing", label, 0.9),
            Suggestion(
                "term", "books", 0.7, "https://iconclass.org/49M3", "iconclass", None, words
            ),
            Suggestion("figure", "ornament", 0.6, box=box),
        ]


class Failing:
    """Raises an error on every page."""

    id, version, weights_sha256, labels = "test-failing", "1", "", ()

    def analyze(self, page: PageView) -> list[Suggestion]:
        raise ValueError(f"no model for {page.page_id}")


class Crashing:
    """Ends its process on every page."""

    id, version, weights_sha256, labels = "test-crashing", "1", "", ()

    def analyze(self, page: PageView) -> list[Suggestion]:
        os._exit(9)


def analyzers() -> tuple[Ink, Failing, Crashing]:
    """The analyzers, as the entry point gives them."""
    version = os.environ.get(VERSION, "1")
    if version == ENDS_ITS_PROCESS:
        os._exit(9)
    return Ink(version), Failing(), Crashing()


def install(folder: Path) -> Path:
    """A folder that installs the entry point for a process that has it in PYTHONPATH."""
    about = folder / "small_analyzers-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder
