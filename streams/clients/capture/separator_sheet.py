"""What a separator sheet says: a payload of ours with a check, so that no printed code is one."""

from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlencode

from processors.rules.value_formats import KINDS
from schemas.ids import BATCH_ID
from streams.clients.station.capture_record import MISSING

PREFIX = "COPYSTAND-SHEET:1:"
DIGITS = 10
"""Hex digits of the check: one of 10^12 other texts with the prefix would be taken for a sheet."""
MAX_VALUE = 120
FIELDS = ("item", "kind", "label", "order")
SHEET_KINDS = tuple(one for one in KINDS if one != MISSING)


@dataclass(frozen=True)
class SeparatorSheet:
    """A sheet that begins an item, or sets the kind or label of the next page, or the order."""

    item: str | None = None
    kind: str | None = None
    label: str | None = None
    order: str | None = None

    def check(self) -> None:
        """Raises ValueError, which says what is wrong."""
        values = [getattr(self, name) for name in FIELDS]
        if not any(values):
            raise ValueError("a separator sheet has an item, kind, label or order")
        for value in values:
            if value is not None and not 1 <= len(value) <= MAX_VALUE:
                raise ValueError(f"a value has 1 to {MAX_VALUE} characters, got {value[:150]!r}")
        if self.kind is not None and self.kind not in SHEET_KINDS:
            raise ValueError(f"no kind is named {self.kind!r}")
        if self.order is not None and not BATCH_ID.match(self.order):
            raise ValueError(f"{self.order!r} is not the id of an order")

    def payload(self) -> str:
        """The text of its codes."""
        given = [(name, getattr(self, name)) for name in FIELDS if getattr(self, name) is not None]
        body = PREFIX + urlencode(given, quote_via=quote)
        return f"{body}:{_check(body)}"

    @classmethod
    def read(cls, payload: str) -> "SeparatorSheet | None":
        """The sheet of a code, or None for any other text."""
        body, _, check = payload.rpartition(":")
        if not body.startswith(PREFIX) or check != _check(body):
            return None
        pairs = parse_qsl(body.removeprefix(PREFIX), keep_blank_values=True)
        fields = dict(pairs)
        if len(fields) != len(pairs) or set(fields) - set(FIELDS):
            return None
        sheet = cls(**fields)
        try:
            sheet.check()
        except ValueError:
            return None
        return sheet if sheet.payload() == payload else None

    def lines(self) -> list[str]:
        """The same for people."""
        return [
            f"{name.capitalize()}: {getattr(self, name)}"
            for name in FIELDS
            if getattr(self, name) is not None
        ]


def _check(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:DIGITS].upper()
