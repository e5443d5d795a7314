"""Writes times in documents: ISO 8601, UTC, microseconds, Z."""

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """A time with zone as text, for example 2026-03-01T12:00:00.000000Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
