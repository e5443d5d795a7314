"""Reads the options that `scanimage --all-options` prints: constraints and current values."""

import re
from dataclasses import dataclass

from streams.clients.scanners.capabilities import Choice, Steps, Values

_OPTION = re.compile(
    r"^\s{2,}(?P<name>--?[A-Za-z0-9][A-Za-z0-9-]*)(?P<bool>\[=\([a-z|]+\)\])?\s*(?P<rest>.*)$"
)
_STATES = ("inactive", "read-only", "hardware", "software", "advanced")
_VALUE = re.compile(r"\s*\[(?P<value>[^\[\]]*)\]\s*$")
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_RANGE = re.compile(
    rf"^(?:auto\|)?(?P<least>{_NUMBER})\.\.(?P<most>{_NUMBER})(?P<unit>[A-Za-z%]*)"
    rf"(?:,\.\.\.)?(?:\s+\(in steps of (?P<step>{_NUMBER})\))?$"
)
_LIST = re.compile(rf"^(?:auto\|)?{_NUMBER}(?:\|{_NUMBER})*(?:dpi|mm|%|bit|pel|us)?$")


@dataclass(frozen=True)
class SaneOption:
    """One option of a device."""

    name: str
    """Without leading hyphens; `x` for -x."""
    current: str
    is_active: bool = True
    words: tuple[str, ...] = ()
    """Permitted texts, if it is a choice of texts."""
    numbers: Values | None = None
    """Permitted numbers, if it is a number."""
    unit: str = ""

    def argument(self, value: str) -> str:
        """The argument of scanimage that sets it; short options have their value attached."""
        return f"-{self.name}{value}" if len(self.name) == 1 else f"--{self.name}={value}"


def read_options(text: str) -> dict[str, SaneOption]:
    """The options of a device by name."""
    found = (_read_option(line) for line in text.splitlines())
    return {option.name: option for option in found if option is not None}


def _read_option(line: str) -> SaneOption | None:
    match = _OPTION.match(line)
    if match is None:
        return None
    rest: str = match["rest"]
    marks: list[str] = []
    while value := _VALUE.search(rest):
        marks.insert(0, value["value"])
        rest = rest[: value.start()]
    if not marks:
        return None  # A line of a description, or a button.
    states = [mark for mark in marks if mark in _STATES]
    current = next((mark for mark in marks if mark not in _STATES), "")
    words, numbers, unit = _constraint(rest.strip())
    if match["bool"]:
        words = ("yes", "no")
    active = not {"inactive", "read-only"} & set(states)
    return SaneOption(match["name"].lstrip("-"), current, active, words, numbers, unit)


def _constraint(text: str) -> tuple[tuple[str, ...], Values | None, str]:
    span = _RANGE.match(text)
    if span:
        step = float(span["step"] or 0)
        return (), Steps(float(span["least"]), float(span["most"]), step), span["unit"]
    if _LIST.match(text):
        unit = re.search(r"[a-z%]*$", text)
        values = re.findall(_NUMBER, text)
        return (), Choice(tuple(map(float, values))), unit[0] if unit else ""
    if text.startswith("<") or not text:
        return (), None, ""
    return tuple(text.split("|")), None, ""
