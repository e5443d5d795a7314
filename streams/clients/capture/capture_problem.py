"""A problem of a captured batch, with its code and what to do."""

from processors.error_catalogue import fix_of


class CaptureProblem(Exception):
    """A batch or page cannot be captured or closed; the code is in the error catalogue."""

    def __init__(
        self, code: str, found: str, *, finding: str | None = None, **fills: object
    ) -> None:
        super().__init__(f"{code}: {found}")
        self.code = code
        self.found = found
        self.finding = finding
        """The code of the check that a page or its settings did not pass."""
        self.fix = fix_of(code, **fills)

    def document(self) -> dict[str, str]:
        """The same as JSON values."""
        document = {"code": self.code, "found": self.found, "fix": self.fix}
        return document if self.finding is None else {**document, "finding": self.finding}
