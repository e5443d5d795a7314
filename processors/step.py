"""The rows of the table of steps."""

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
    """Name, version and registry key of a format in PREMIS."""

    name: str
    version: str | None = None
    puid: str | None = None
    """Identifier in PRONOM, for example fmt/101."""


@dataclass(frozen=True)
class PackageFile:
    """The place of files with one use in the package; names are ITEM_REF, infix, suffix."""

    use: str
    """`use` of the FileRef in the fact of the step."""
    folder: str
    """Folder relative to the root of the bag; it begins with data/."""
    group: str
    """METS file group."""
    suffix: str = ""
    """Suffix of the name, with dot; by default that of the media type."""
    infix: str = ""
    """Text before the suffix, if two uses would otherwise have the same name."""
    format: FormatName | None = None
    """Format in PREMIS; by default identified by the first bytes or the media type."""


@dataclass(frozen=True)
class Step:
    """A step, which turns one fact into one outcome. Its topic, consumer group, retries, receipts,
    events, files in the package and documentation are derived from this row."""

    work: str
    """The function: `name` for a function with the name of its module, else `module:function`.
    It is imported on the first call, so that the table does not load libvips."""
    takes: type[Fact]
    """The fact that the step takes."""
    gives: type[Fact]
    """The fact that the step makes on success."""
    premis: str
    """Event type of the transition to `gives`, a label in processors/premis.py."""
    detail: str
    """Detail of the event; `{fact.words}` is the field `words` of `gives`."""
    lane: str
    """One of LANES in schemas/catalogue.py; it determines priority and retry topic."""
    packages: tuple[PackageFile, ...] = ()
    """The files of `gives` that go into the package."""
    also_gives: tuple[type[Fact], ...] = ()
    """Further facts that the step makes; each has an OtherFact row."""
    branch: bool = False
    """Whether a profile can require or omit the step."""
    after_branch: bool = False
    """Whether the branch takes the fact of another branch; no item waits for it."""
    version: str = "1"
    """Raised if the same input gives another result; part of events, not of ids."""
    timeout_seconds: float = 60.0
    """Time limit of a call, without the allowance for its files."""
    seconds_per_megabyte: float = 5.0
    """Additional time per megabyte of input files."""
    name_on_topics: str = ""
    """Name of the step if it differs from that of the function."""
    follows: type[Fact] | None = None
    """The fact that precedes `gives` in a history, if it is not `takes`."""

    @property
    def name(self) -> str:
        """Name of the step in ids, groups, receipts and commands."""
        return self.name_on_topics or self.work.rpartition(":")[2]

    @property
    def module(self) -> str:
        """The module of the function."""
        module, _, name = self.work.rpartition(":")
        return f"processors.{module or name}"

    @property
    def function(self) -> StepFunction:
        """The function of the step."""
        found: StepFunction = getattr(import_module(self.module), self.work.rpartition(":")[2])
        return found

    @property
    def topic(self) -> str:
        """The topic that the step consumes."""
        return topic_of(self.takes.__name__).name

    @property
    def group(self) -> str:
        """The consumer group of the step."""
        return f"copystand.{self.name}"

    @property
    def fact(self) -> type[Fact]:
        """The fact of this row."""
        return self.gives

    @property
    def cause(self) -> type[Fact] | None:
        """The fact that precedes `gives` in a history."""
        return self.follows or self.takes


@dataclass(frozen=True)
class OtherFact:
    """A fact that is not the `gives` of a step."""

    fact: type[Fact]
    by: tuple[str, ...] = ()
    """Roles that write the fact; empty if it is in `also_gives` of a step."""
    premis: str = ""
    """Event type of the transition; empty for an external request, which has no event."""
    detail: str = ""
    """Detail of the event."""
    cause: type[Fact] | None = None
    """The fact that precedes this one in a history, if it is always the same."""
    beside_the_line: bool = False
    """Whether nothing in the line depends on the fact, so that the tracker does not read it."""


Row = Step | OtherFact
