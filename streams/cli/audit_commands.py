"""`copystand audit` with all its commands."""

from streams.cli import (
    audit_events,
    audit_maintenance,
    audit_rebuild,
    audit_report,
    audit_verify,
    audit_witness,
)
from streams.cli.audit import audit

__all__ = [
    "audit",
    "audit_events",
    "audit_maintenance",
    "audit_rebuild",
    "audit_report",
    "audit_verify",
    "audit_witness",
]
