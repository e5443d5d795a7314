"""Makes diagnostics, with severity and fix from the error catalogue."""

from processors.error_catalogue import fix_of, severity_of
from schemas.models import Diagnostic

ERROR_SEVERITIES = ("fatal", "error")
FOUND_LENGTH = 160


def shown(value: object) -> str:
    """A value as text: control characters escaped, long text truncated."""
    text = str(value) if isinstance(value, str | Exception) else repr(value)
    plain = escaped(text)
    return plain if len(plain) <= FOUND_LENGTH else plain[: FOUND_LENGTH - 1] + "…"


def escaped(text: str) -> str:
    """A text with its control characters and lone surrogates escaped."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def finding(
    code: str, where: str, found: object, *, severity: str | None = None, **fills: object
) -> Diagnostic:
    """A diagnostic of a code in the catalogue. Raises KeyError for an unknown code."""
    return diagnostic(code, severity or severity_of(code), where, found, fix_of(code, **fills))


def diagnostic(code: str, severity: str, where: str, found: object, fix: str) -> Diagnostic:
    """A diagnostic of any code, for example of an institution's own rule."""
    return Diagnostic(code=code, where=where, found=shown(found), fix=fix, severity=severity)


def is_error(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic refuses the batch."""
    return diagnostic.severity in ERROR_SEVERITIES
