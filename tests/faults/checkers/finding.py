"""What a checker says: the one thing that the checkers share."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that must not be."""

    checker: str
    rule: str
    where: str
    found: str

    def __str__(self) -> str:
        return f"{self.checker}: {self.rule}: {self.where}: {self.found}"
