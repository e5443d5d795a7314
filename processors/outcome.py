"""What a step may answer, and the reasons for which a machine tries again."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from processors.error_catalogue import fix_of
from schemas.models import UNSTAMPED, Diagnostic, Fact, Head


class ErrorClass(StrEnum):
    """Why the world, not the material, is at fault."""

    STORAGE = "storage"
    TOOL_CRASHED = "tool-crashed"
    TOOL_HUNG = "tool-hung"
    MEMORY = "memory"
    UNKNOWN = "unknown"


class TransientError(Exception):
    """Raised by an adapter when the world is at fault; the driver makes it a TryLater."""

    error_class = ErrorClass.UNKNOWN


class StorageError(TransientError):
    """The store did not take or give an object."""

    error_class = ErrorClass.STORAGE


class ToolCrashed(TransientError):
    """A tool ended with an error that does not come from the material."""

    error_class = ErrorClass.TOOL_CRASHED


class ToolHung(TransientError):
    """A tool gave no answer in time."""

    error_class = ErrorClass.TOOL_HUNG


class OutOfMemory(TransientError):
    """A step asked for more memory than its process may have."""

    error_class = ErrorClass.MEMORY


class Done:
    """It worked; the facts say what came of it, about the input's subject where they name none."""

    __match_args__ = ("facts",)

    def __init__(self, *facts: Fact) -> None:
        self.facts = facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Done) and self.facts == other.facts

    def __repr__(self) -> str:
        return f"Done{self.facts!r}"


@dataclass(frozen=True)
class Rejected:
    """The material is at fault; a person must act."""

    code: str
    found: str
    fix: str
    where: str = ""
    """Empty: the input's subject."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """All that was found, when there is more than one thing."""


@dataclass(frozen=True)
class TryLater:
    """The world is at fault; a machine will act."""

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
    """The head of a fact about another subject than the input's; the driver fills in the rest."""
    return UNSTAMPED.model_copy(
        update={"batch_id": batch_id, "item_id": item_id, "page_id": page_id, "revision": revision}
    )
