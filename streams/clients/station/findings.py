"""Diagnostics of the station, which reads the delivered folder."""

from processors.rules.codes import finding, is_error
from schemas.models import Diagnostic

__all__ = ["finding", "is_certain", "is_fatal"]

DEPENDS_ON_MACHINE = ("language.model-missing", "item.already-delivered")
"""Codes of errors that another machine of the line may not have, or that are about one item."""


def is_fatal(diagnostic: Diagnostic) -> bool:
    """Whether the diagnostic prevents publishing."""
    return diagnostic.severity == "fatal"


def is_certain(diagnostic: Diagnostic) -> bool:
    """Whether a finding of the station is an error on every machine of the line."""
    return is_error(diagnostic) and diagnostic.code not in DEPENDS_ON_MACHINE
