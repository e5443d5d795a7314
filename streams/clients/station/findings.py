"""Diagnostics of the station, which reads the delivered folder."""

from processors.rules.codes import finding
from schemas.models import Diagnostic

__all__ = ["finding", "is_fatal"]


def is_fatal(diagnostic: Diagnostic) -> bool:
    """Whether the diagnostic prevents publishing."""
    return diagnostic.severity == "fatal"
