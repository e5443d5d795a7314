"""The kinds of rows in the table of steps, and what a row says."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from processors.outcome import Outcome
from processors.tools import Tools
from schemas.catalogue import topic_of
from schemas.models import Fact

StepFunction = Callable[[Any, Tools], Outcome]


@dataclass(frozen=True)
class FormatName:
    """A format as PREMIS names it."""

    name: str
    version: str | None = None
    puid: str | None = None
    """Identifier in PRONOM, for example fmt/101."""


@dataclass(frozen=True)
class PackageFile:
    """Where files of one use go in the package; each is named ITEM_REF, then infix and suffix."""

    use: str
    """Use of the `FileRef` in the step's fact."""
    folder: str
    """Folder below the bag's root; it begins with data/."""
    group: str
    """METS file group."""
    suffix: str = ""
    """Suffix of its name, with the dot; by default that of its media type."""
    infix: str = ""
    """Stands before the suffix, where two uses would have one name."""
    format: FormatName | None = None
    """Its format in PREMIS; by default the one that its first bytes or its media type show."""


@dataclass(frozen=True)
class Step:
    """Work that turns one fact into one outcome. Its topic, consumer group, retries, receipts,
    events, files in the package and pages in docs/ follow from this row."""

    work: str
    """The function that does it, which is called like its module unless both are named, as in
    `module:function`. Loaded when it is first called: to know a step is not to load libvips."""
    takes: type[Fact]
    """The fact that it works on."""
    gives: type[Fact]
    """The fact that it makes when the work is done."""
    premis: str
    """Event type of the transition that `gives` tells of: a label of processors/premis.py."""
    detail: str
    """What the event says in words; `{fact.words}` is the field `words` of `gives`."""
    lane: str
    """One of schemas/catalogue.py LANES: its rank in the worker's queue, its topic for retries."""
    packages: tuple[PackageFile, ...] = ()
    """Files of `gives` that belong in the package; those of any other use stay out of it."""
    also_gives: tuple[type[Fact], ...] = ()
    """Further facts that it makes; each has an OtherFact row."""
    branch: bool = False
    """Whether a profile says if it is done at all."""
    after_branch: bool = False
    """A branch that takes what another branch gave; no page can wait for it."""
    version: str = "1"
    """Raised when the same input should give another answer; recorded in events, never in ids."""
    timeout_seconds: float = 60.0
    """How long one call may take, whatever the size of its files."""
    seconds_per_megabyte: float = 5.0
    """What its time limit grows by with the size of its files."""
    name_on_topics: str = ""
    """Given when it differs from the function's name."""
    follows: type[Fact] | None = None
    """The fact that precedes `gives` in a history, where that is not `takes`."""

    @property
    def name(self) -> str:
        """What it is called in ids, groups, receipts and commands."""
        return self.name_on_topics or self.work.rpartition(":")[2]

    @property
    def module(self) -> str:
        """The module that holds its function."""
        module, _, name = self.work.rpartition(":")
        return f"processors.{module or name}"

    @property
    def function(self) -> StepFunction:
        """What does the work."""
        found: StepFunction = getattr(import_module(self.module), self.work.rpartition(":")[2])
        return found

    @property
    def topic(self) -> str:
        """Where its inputs come from."""
        return topic_of(self.takes.__name__).name

    @property
    def group(self) -> str:
        """Its consumer group."""
        return f"copystand.{self.name}"

    @property
    def fact(self) -> type[Fact]:
        """The fact that the row is about."""
        return self.gives

    @property
    def cause(self) -> type[Fact] | None:
        """The fact that precedes it in a history."""
        return self.follows or self.takes


@dataclass(frozen=True)
class OtherFact:
    """A fact that is not the `gives` of a step: who writes it, and what its event says."""

    fact: type[Fact]
    by: tuple[str, ...] = ()
    """Roles that write it; empty for what a step also gives."""
    premis: str = ""
    """Event type of the transition; empty for a request from outside, which gets no event."""
    detail: str = ""
    """What the event says in words."""
    cause: type[Fact] | None = None
    """The fact that precedes it in a history, if one always does."""


Row = Step | OtherFact
