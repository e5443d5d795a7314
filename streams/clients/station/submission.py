"""Checks a folder at the station, stores its files and submits the batch."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from processors.item_versions import is_version_of
from processors.profile import Profile, canonical, look_up
from schemas.models import Diagnostic
from streams.clients.station.findings import finding, is_certain, is_fatal
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.judging import judge_pages
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.preflight import preflight
from streams.clients.station.publishing import (
    Correction,
    NotPublished,
    Publish,
    hand_over,
    publisher,
    received_id,
    submission_id,
)
from streams.clients.station.scan import Progress, silent
from streams.clients.station.supplement import with_earlier_pages
from streams.kafka.client import STATION
from streams.settings import NotUp, Settings

__all__ = [
    "NotPublished",
    "check",
    "examine",
    "received_id",
    "submission_id",
    "submit",
    "with_earlier_pages",
]

REFUSED = "quarantined"
"""State of a batch that pre-flight refused."""


@dataclass
class Submission:
    """A submitted batch and its outcome."""

    batch_id: str
    state: str
    items: int = 0
    pages: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    event_id: str = ""
    quarantined: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "batch_id": self.batch_id,
            "state": self.state,
            "items": self.items,
            "pages": self.pages,
            "bytes": self.size_bytes,
            "seconds": round(self.seconds, 1),
            "quarantined": self.quarantined,
            "diagnostics": [one.model_dump() for one in self.diagnostics],
            "event_id": self.event_id,
        }

    @property
    def failed(self) -> bool:
        """Whether the batch was refused or some of it is quarantined."""
        return self.state == "refused" or bool(self.quarantined)


def check(
    folder: Path,
    options: SubmissionOptions,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> list[Diagnostic]:
    """Everything that the line will find before it makes derivatives: in the folder, in pre-flight
    and in the pages; and ids that the line already knows if it is running."""
    delivery = read_folder(folder, options, progress, profiles_of(settings))
    if settings is not None:
        delivery = with_earlier_pages(delivery, settings)
    return examine(delivery, settings, progress)


def profiles_of(settings: Settings | None) -> Path | None:
    """The folder of the institution's own profiles."""
    return settings.station_profiles if settings else None


def examine(
    delivery: Delivery, settings: Settings | None = None, progress: Progress = silent
) -> list[Diagnostic]:
    """Everything that the line will find in a delivery, as `check` reports it."""
    profiles = profiles_of(settings)
    found = [*delivery.diagnostics, *preflight(delivery, profiles)]
    document = look_up(delivery.manifest["scanner_profile"], profiles).document
    if document is not None and not any(is_fatal(one) for one in found):
        limits = settings or Settings.load({})
        profile = Profile.from_json(canonical(document))
        found += judge_pages(delivery, profile, limits.pool_size, limits.child_bytes, progress)
    if settings is not None:
        try:
            with line_queries(settings) as line:
                found += _hints(delivery, line, settings)
        except (NotUp, psycopg.Error):
            pass  # Only hints: without the line, the folder is checked all the same.
    return found


def _hints(delivery: Delivery, line: LineQueries, settings: Settings) -> list[Diagnostic]:
    """Ids that the tracker will refuse, because the line already knows them; and the operator."""
    found, batch_id = _taken(delivery, line), delivery.manifest["batch_id"]
    found += _operator_findings(delivery, line, settings)
    items = delivery.manifest.get("items", ())
    # An item that supplements another one needs an id of its own, too.
    names = [
        item["item_id"]
        for item in items
        if isinstance(item["item_id"], str)
        and not is_version_of(item["item_id"], item.get("replaces"))
    ]
    batch_of = line.known_items(names)
    for name in names:
        other = batch_of.get(name.lower())
        if other not in (None, batch_id):
            delivered = f"{name} was delivered with {other}"
            found.append(finding("item.already-delivered", "item_id", delivered))
    return found


def submit(
    folder: Path,
    options: SubmissionOptions,
    settings: Settings,
    *,
    release: str | None = None,
    progress: Progress = silent,
    publish: Publish | None = None,
) -> Submission:
    """Store the files, then the manifest, then publish the submission.

    Publishes nothing that pre-flight is certain to refuse.
    Raises NotUp, NotPublished, StorageError, its kind NoSpace before anything is copied;
    LookupError for an unknown `release`."""
    began = time.monotonic()
    publish = publish or publisher(settings)
    corrects = Correction(release, _revision(release, settings)) if release else Correction()
    delivery = read_folder(folder, options, progress, profiles_of(settings))
    delivery = with_earlier_pages(delivery, settings, must_answer=True)
    submission = Submission(options.batch_id, "refused", diagnostics=list(delivery.diagnostics))
    submission.diagnostics += preflight(delivery, settings.station_profiles)
    submission.diagnostics += _line_findings(delivery, settings, has_release=bool(release))
    submission.items = len(delivery.manifest.get("items", ()))
    submission.pages = delivery.page_count
    submission.size_bytes = delivery.size_bytes
    if delivery.may_be_published and not any(map(is_certain, submission.diagnostics)):
        changed = hand_over(delivery, settings, corrects, progress, publish)
        submission.diagnostics += changed
        if not changed:
            submission.event_id = submission_id(delivery)
            submission.state = _known_state(options.batch_id, submission.event_id, settings)
    submission.seconds = time.monotonic() - began
    return submission


def _revision(release: str, settings: Settings) -> int:
    """The revision of the refused submission, which its correction has, too."""
    with line_queries(settings) as line:
        record = line.quarantine(release)
    if record is None:
        raise LookupError(f"quarantine record {release} does not exist")
    return int(record["revision"])


def _line_findings(delivery: Delivery, settings: Settings, has_release: bool) -> list[Diagnostic]:
    """Whether the line knows this batch id with other content, and whether the operator may be
    named; nothing without the line."""
    try:
        with line_queries(settings) as line:
            taken = [] if has_release else _taken(delivery, line)
            return taken + _operator_findings(delivery, line, settings)
    except (NotUp, psycopg.Error):
        return []


def _operator_findings(
    delivery: Delivery, line: LineQueries, settings: Settings
) -> list[Diagnostic]:
    """The persons whom the tracker will refuse: of the submission and of its captures."""
    named = [delivery.manifest.get("operator"), *(one.operator for one in delivery.captures)]
    sender, found = settings.signing_key(STATION).sender, list[Diagnostic]()
    for operator in dict.fromkeys(one for one in named if isinstance(one, str)):
        refusal = line.person(operator).refusal(operator, sender)
        if refusal:
            found.append(finding(refusal[0], "operator", refusal[1], pseudonym=operator))
    return found


def _taken(delivery: Delivery, line: LineQueries) -> list[Diagnostic]:
    batch_id = delivery.manifest["batch_id"]
    status = line.status(batch_id)
    # A batch that pre-flight refused is corrected by another submission.
    if status is None or status.received_id is None or status.state == REFUSED:
        return []
    if status.received_id == received_id(submission_id(delivery)):
        return []
    return [finding("batch.id-taken", "batch_id", f"{batch_id} is {status.state}")]


def _known_state(batch_id: str, event_id: str, settings: Settings) -> str:
    try:
        with line_queries(settings) as line:
            status = line.status(batch_id)
    except (NotUp, psycopg.Error):
        return "submitted"
    received = status is not None and status.received_id == received_id(event_id)
    return "already known" if received else "submitted"
