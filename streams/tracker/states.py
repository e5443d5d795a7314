"""The state transitions of all subjects, and the requests allowed in each state of a batch."""

from typing import NamedTuple

ACTIONS = ("pause", "resume", "cancel", "priority")
UNKNOWN = "unknown"
"""The state of a batch that the tracker does not know."""

OVER = "batch.over"
NOT_PAUSED = "batch.not-paused"
CONTROL: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    UNKNOWN: ("batch.unknown", "batch.unknown", "batch.unknown", "batch.unknown"),
    "uploading": (None, NOT_PAUSED, None, None),
    "submitted": (None, NOT_PAUSED, None, None),
    "held": (None, NOT_PAUSED, None, None),
    "running": (None, NOT_PAUSED, None, None),
    "paused": ("batch.already-paused", None, None, None),
    "settled": (OVER, OVER, OVER, OVER),
    "quarantined": (OVER, OVER, OVER, OVER),
    "cancelled": (OVER, OVER, OVER, OVER),
}
"""For each state of a batch, in the order of ACTIONS: None if granted, else the code."""


def code_of_refusal(state: str, action: str) -> str | None:
    """The code with which an action is refused in this state; None if it is granted."""
    return CONTROL[state][ACTIONS.index(action)]


class Change(NamedTuple):
    """A state, the next one, and the fact or decision that causes it; "" precedes the first."""

    before: str
    after: str
    by: str


BATCHES = (
    Change("", "uploading", "`capture.accepted` before any manifest"),
    Change("", "submitted", "`batch.received`"),
    Change("", "quarantined", "`work.quarantined` of the router: the submission is unreadable"),
    Change("uploading", "submitted", "`batch.received`"),
    Change("uploading", "quarantined", "`work.quarantined` of the router"),
    Change("uploading", "paused", "`control.decided`: pause"),
    Change("uploading", "cancelled", "`control.decided`: cancel"),
    Change("submitted", "running", "`batch.accepted`"),
    Change("submitted", "held", "`batch.accepted` with a `not_before`, or a night batch by day"),
    Change("submitted", "quarantined", "`work.quarantined`: refused in pre-flight"),
    Change("submitted", "paused", "`control.decided`: pause"),
    Change("submitted", "cancelled", "`control.decided`: cancel"),
    Change("held", "running", "its start time, or `control.decided`: priority"),
    Change("held", "settled", "all its items are refused"),
    Change("held", "paused", "`control.decided`: pause"),
    Change("held", "cancelled", "`control.decided`: cancel"),
    Change("running", "held", "the night ends, or `control.decided`: priority night by day"),
    Change("running", "settled", "its last page in flight has ended"),
    Change("running", "paused", "`control.decided`: pause"),
    Change("running", "cancelled", "`control.decided`: cancel"),
    Change("paused", "uploading", "`control.decided`: resume, before any manifest"),
    Change("paused", "submitted", "`control.decided`: resume, before the result of pre-flight"),
    Change("paused", "held", "`control.decided`: resume, before its start time"),
    Change("paused", "running", "`control.decided`: resume"),
    Change("paused", "quarantined", "`work.quarantined`: refused in pre-flight"),
    Change("paused", "settled", "its last page in flight has ended"),
    Change("paused", "cancelled", "`control.decided`: cancel"),
    Change("settled", "running", "`control.decided`: release or withdraw"),
    Change("settled", "held", "`control.decided`: release of a night batch by day"),
    Change("settled", "paused", "`control.decided`: release of a batch that settled while paused"),
    Change("quarantined", "submitted", "`control.decided`: release, or a corrected manifest"),
    Change("quarantined", "paused", "the same, of a batch that was paused"),
    Change("quarantined", "cancelled", "`control.decided`: reject"),
)

ITEMS = (
    Change("", "registered", "`item.registered`"),
    Change("registered", "running", "`page.admitted` of its first page"),
    Change("registered", "cancelled", "`control.decided`: cancel"),
    Change("running", "held", "all required branches have ended, and a page is quarantined"),
    Change("running", "completed", "`item.completed`"),
    Change("running", "cancelled", "`control.decided`: cancel"),
    Change("held", "registered", "`control.decided`: release with a file, only page admitted"),
    Change("held", "running", "`control.decided`: release or withdraw"),
    Change("held", "completed", "`control.decided`: release of its packaging"),
    Change("held", "packaged", "`package.published` of a late result"),
    Change("held", "cancelled", "`control.decided`: reject or cancel"),
    Change("completed", "held", "`work.quarantined` of `assemble_package`"),
    Change("completed", "packaged", "`package.published`"),
    Change("packaged", "registered", "`item.registered` of a delivery that replaces it"),
    Change("cancelled", "registered", "`item.registered` of a delivery that replaces it"),
)

PAGES = (
    Change("", "registered", "`item.registered`"),
    Change("registered", "admitted", "`page.admitted`"),
    Change("registered", "quarantined", "its item is held (a missing page)"),
    Change("registered", "packaged", "`package.published` (a missing page)"),
    Change("registered", "cancelled", "`control.decided`: cancel"),
    Change("admitted", "ended", "the last of its required branches has ended"),
    Change("admitted", "quarantined", "`work.quarantined` of a required step"),
    Change("admitted", "cancelled", "`control.decided`: cancel"),
    Change("ended", "quarantined", "its item is held"),
    Change("ended", "packaged", "`package.published`"),
    Change("ended", "cancelled", "`control.decided`: cancel"),
    Change("quarantined", "registered", "`control.decided`: release with a file, or withdraw"),
    Change("quarantined", "admitted", "`control.decided`: release"),
    Change("quarantined", "ended", "its item is no longer held, or a late result of the work"),
    Change("quarantined", "packaged", "`package.published` of a late result"),
    Change("quarantined", "cancelled", "`control.decided`: reject or cancel"),
)

PACKAGES = (
    Change("", "published", "`package.published`"),
    Change("published", "accepted", "`receipt.accepted`: all repositories that answered accepted"),
    Change("published", "refused", "`receipt.accepted`: a repository refused it"),
    Change("accepted", "refused", "`receipt.accepted`: a repository refused it"),
    Change("refused", "accepted", "`receipt.accepted`: that repository accepted it later"),
    Change("published", "superseded", "`package.published` of a higher revision"),
    Change("accepted", "superseded", "`package.published` of a higher revision"),
    Change("refused", "superseded", "`package.published` of a higher revision"),
)

RECORDS = (
    Change("", "open", "`work.quarantined`"),
    Change(
        "open", "released", "`control.decided`: release; a corrected manifest; `object.restored`"
    ),
    Change("open", "rejected", "`control.decided`: reject, of this or another record of its item"),
    Change("open", "withdrawn", "`control.decided`: withdraw"),
    Change("open", "superseded", "a late result of the work, or a higher revision"),
)

SUBJECTS = {
    "Batches": BATCHES,
    "Items": ITEMS,
    "Pages": PAGES,
    "Packages": PACKAGES,
    "Quarantine records": RECORDS,
}
