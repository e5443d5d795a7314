"""What becomes of each piece of work: drawn once for a page and a step, then a pure function of the
attempt, the revision and whether people released it."""

from dataclasses import dataclass
from enum import StrEnum

from processors.outcome import ErrorClass, Rejected, TryLater


class Surprise(Exception):
    """A bug in a step."""


class Kind(StrEnum):
    """How a work goes wrong."""

    REJECTED = "rejected"
    LATER = "later"
    RAISES = "raises"


@dataclass(frozen=True)
class Fate:
    """Goes wrong at the first `attempts` attempts, a rejection at every one; a release or a
    corrected file heals it unless it is stubborn."""

    kind: Kind
    attempts: int = 1
    error_class: ErrorClass = ErrorClass.TOOL_HUNG
    stubborn: bool = False

    def meets(self, attempt: int, released: bool, revision: int) -> Rejected | TryLater | None:
        """What comes instead of the result, if anything. Raises Surprise where it is one."""
        if revision > 1 or (released and not self.stubborn):
            return None
        if self.kind == Kind.REJECTED:
            return Rejected("page.not-decodable", found="damage", fix="Scan it again.")
        if attempt > self.attempts:
            return None
        if self.kind == Kind.RAISES:
            raise Surprise("nobody foresaw this")
        return TryLater("no answer", self.error_class)


@dataclass(frozen=True)
class Submission:
    """A batch as it is delivered, and what becomes of its work."""

    batch_id: str
    items: tuple[tuple[str, int], ...]
    """Item ids with their numbers of pages."""
    required: tuple[str, ...] = ("recognize_page",)
    optional: tuple[str, ...] = ()
    priority: str = "normal"
    missing: frozenset[str] = frozenset()
    """Pages whose kind is `missing`."""
    captured: bool = False
    fates: tuple[tuple[str, str, Fate], ...] = ()
    """Step, subject (page, item or batch), fate."""

    def pages(self, item_id: str) -> list[str]:
        """The pages of an item that are not missing."""
        found = [f"{item_id}:{number + 1:04}" for number in range(dict(self.items)[item_id])]
        return [page for page in found if page not in self.missing]
