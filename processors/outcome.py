"""The outcomes of steps, and transient errors."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from processors.error_catalogue import fix_of
from schemas.models import UNSTAMPED, Diagnostic, Fact, Head


class ErrorClass(StrEnum):
    """Cause of a transient failure."""

    STORAGE = "storage"
    TOOL_CRASHED = "tool-crashed"
    TOOL_HUNG = "tool-hung"
    MEMORY = "memory"
    UNKNOWN = "unknown"


class TransientError(Exception):
    """A failure outside the material; the driver converts it to TryLater."""

    error_class = ErrorClass.UNKNOWN
    by_input = False
    """Whether the input of the step caused it: other work does not fail for this reason."""
    by_every_input = False
    """Whether all work of the lane fails for this reason, so that one failure is enough to know."""


class StorageError(TransientError):
    """The store could not read or write an object."""

    error_class = ErrorClass.STORAGE


class ObjectUnusable(StorageError):
    """The store answers, but the object that was asked for is missing or has other bytes."""

    by_input = True


class ToolCrashed(TransientError):
    """A tool failed while it processed the input."""

    error_class = ErrorClass.TOOL_CRASHED
    by_input = True


class ToolMissing(ToolCrashed):
    """A tool is not installed, or does not start: the same happens to every input."""

    by_input = False
    by_every_input = True


class ChildDied(ToolCrashed):
    """The child process of a step died while it ran the step."""


class ToolHung(TransientError):
    """A tool did not answer in time."""

    error_class = ErrorClass.TOOL_HUNG
    by_input = True


class OutOfMemory(TransientError):
    """A step needed more memory than its process may use."""

    error_class = ErrorClass.MEMORY
    by_input = True


class Done:
    """The work is done. A fact without a subject is about the subject of the input."""

    __match_args__ = ("facts",)

    def __init__(self, *facts: Fact) -> None:
        self.facts = facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Done) and self.facts == other.facts

    def __repr__(self) -> str:
        return f"Done{self.facts!r}"


@dataclass(frozen=True)
class Rejected:
    """The material is refused; a person must act."""

    code: str
    found: str
    fix: str
    where: str = ""
    """Location of the problem; empty for the subject of the input."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """All findings, if there are several."""


@dataclass(frozen=True)
class TryLater:
    """A transient failure; the work is retried automatically."""

    why: str
    error_class: ErrorClass
    after: timedelta | None = None


Outcome = Done | Rejected | TryLater


def rejected(code: str, found: str, where: str = "", **fills: object) -> Rejected:
    """A rejection whose fix comes from the error catalogue. Raises KeyError for an unknown code."""
    return Rejected(code, found, fix_of(code, **fills), where)


def subject(
    batch_id: str | None = None,
    item_id: str | None = None,
    page_id: str | None = None,
    revision: int = 1,
) -> Head:
    """The head of a fact about another subject than the input; the driver completes it."""
    return UNSTAMPED.model_copy(
        update={"batch_id": batch_id, "item_id": item_id, "page_id": page_id, "revision": revision}
    )
