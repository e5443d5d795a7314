"""The outcome of each piece of work: drawn once for a page and a step, then a pure function of the
attempt, the revision and whether it was released."""

from dataclasses import dataclass
from enum import StrEnum

from processors.outcome import ErrorClass, Rejected, TryLater


class Surprise(Exception):
    """A bug in a step."""


class Kind(StrEnum):
    """How work fails."""

    REJECTED = "rejected"
    LATER = "later"
    RAISES = "raises"


@dataclass(frozen=True)
class DrawnOutcome:
    """Work that fails in its first `attempts` attempts, or in all if it is rejected. A corrected file
    repairs it, and a release too unless `stubborn`."""

    kind: Kind
    attempts: int = 1
    error_class: ErrorClass = ErrorClass.TOOL_HUNG
    stubborn: bool = False

    def failure(self, attempt: int, released: bool, revision: int) -> Rejected | TryLater | None:
        """The outcome in place of the result, if the work fails. Raises Surprise for a bug."""
        if revision > 1 or (released and not self.stubborn):
            return None
        if self.kind == Kind.REJECTED:
            return Rejected("page.not-decodable", found="damage", fix="Scan it again.")
        if attempt > self.attempts:
            return None
        if self.kind == Kind.RAISES:
            raise Surprise("unexpected")
        return TryLater("no answer", self.error_class)


@dataclass(frozen=True)
class Submission:
    """A batch as it is delivered, and the outcomes of its work."""

    batch_id: str
    items: tuple[tuple[str, int], ...]
    """Item ids, each with its number of pages."""
    required: tuple[str, ...] = ("recognize_page",)
    optional: tuple[str, ...] = ()
    priority: str = "normal"
    missing: frozenset[str] = frozenset()
    """Pages whose kind is `missing`."""
    captured: bool = False
    outcomes: tuple[tuple[str, str, DrawnOutcome], ...] = ()
    """Step, subject (page, item or batch) and outcome."""

    def pages(self, item_id: str) -> list[str]:
        """The pages of an item that are not missing."""
        found = [f"{item_id}:{number + 1:04}" for number in range(dict(self.items)[item_id])]
        return [page for page in found if page not in self.missing]
