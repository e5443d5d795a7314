"""Requests about suggestions and models, as the commands write them and the tracker reads them."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Self

ACCEPT, REJECT, EDIT = "accept-suggestion", "reject-suggestion", "edit-suggestion"
RERUN, PAUSE, RESUME, DROP = (
    *("rerun-model", "pause-enrichment", "resume-enrichment"),
    "drop-enrichment",
)
DECISIONS = {ACCEPT: "accept", REJECT: "reject", EDIT: "edit"}
"""What the tables call the decision of each action about a suggestion."""
ACTIONS = (*DECISIONS, RERUN, PAUSE, RESUME, DROP)
SUGGESTION, BATCH, ENRICHMENT = "suggestion:", "batch:", "role:enrichment"
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
LONGEST = 300


@dataclass(frozen=True)
class EditedTerm:
    """What a person writes in the place of a suggestion."""

    label: str
    term_uri: str = ""
    vocabulary: str = ""

    def value(self) -> str:
        """The value of a request."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def read(cls, value: str | None) -> Self:
        """The term in the value of a request. Raises ValueError that says what is wrong."""
        found = json.loads(value or "")
        names = {"label", "term_uri", "vocabulary"}
        if not isinstance(found, dict) or not {"label"} <= found.keys() <= names:
            raise ValueError("it must have a label, and may have term_uri and vocabulary")
        if not all(isinstance(one, str) and len(one) <= LONGEST for one in found.values()):
            raise ValueError(f"each part is a text of at most {LONGEST} characters")
        term = cls(**{name: text.strip() for name, text in found.items()})
        if not term.label:
            raise ValueError("the label is empty")
        return term
