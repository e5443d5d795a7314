"""A problem of a master, in a module of its own: stations read findings without libvips."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One problem of a master; the error catalogue has its fix."""

    code: str
    found: str
    fills: Mapping[str, object] = field(default_factory=dict)
    """Placeholders of the fix."""
    refused: bool = True
