"""Rule files of an institution: additional requirements for manifests."""

import re
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CODE = r"institution\.[a-z0-9]+(-[a-z0-9]+)*"
CONDITIONS = ("required", "pattern", "one_of", "max_length")


class Rule(BaseModel):
    """A requirement for a field of every batch, item or page; lists in the path are expanded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=f"^{CODE}$", max_length=64)
    about: Literal["batch", "item", "page"] = Field(alias="for", serialization_alias="for")
    field: str = Field(pattern=r"^[a-z_0-9]+(\.[a-z_0-9]+)*$")
    required: Literal[True] | None = None
    """At least one value must not be empty."""
    pattern: str | None = None
    """A regular expression that must match every value completely."""
    one_of: tuple[str, ...] | None = None
    max_length: int | None = Field(default=None, ge=1)
    severity: Literal["error", "warn"] = "error"
    fix: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(CONDITIONS)}")
        try:
            re.compile(self.pattern or "")
        except re.error as wrong:
            raise ValueError(f"pattern: {wrong}") from wrong
        return self

    def violations(self, value: dict[str, Any]) -> Iterator[str]:
        """The violations of the rule in a batch, item or page."""
        texts = [text for text in _at(value, self.field.split(".")) if text]
        if self.required and not texts:
            yield "nothing is given"
        for text in texts:
            if self.pattern is not None and not re.fullmatch(self.pattern, text):
                yield text
            if self.one_of is not None and text not in self.one_of:
                yield text
            if self.max_length is not None and len(text) > self.max_length:
                yield f"{len(text)} characters: {text}"


class RuleFile(BaseModel):
    """The content of a rule file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[Rule, ...] = Field(min_length=1)


def _at(value: Any, path: list[str]) -> Iterator[str]:
    """The texts and numbers at a path, including each element of a list."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif path:
        if isinstance(value, dict):
            yield from _at(value.get(path[0]), path[1:])
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value).strip()
