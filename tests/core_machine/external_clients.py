"""The messages of stations, repositories and people."""

from schemas import ids
from schemas.models import ControlRequested, FileRef, Head, PackageReceived, Producer
from streams.execution.facts import utc_now


def an_answer(package_id: str, accepted: bool) -> PackageReceived:
    """A repository's answer for a package."""
    return PackageReceived(
        head=_head(ids.make_id("answer", package_id, str(accepted))),
        repository="archive",
        package_id=package_id,
        accepted=accepted,
        reason=None if accepted else "no embargo date",
    )


def request_id(number: int) -> str:
    """The event_id of the request with this number."""
    return ids.make_id("request", number)


def a_request(number: int, action: str, subject: str, value: str | None = None) -> ControlRequested:
    """A person's request. A release with a `value` has a corrected file."""
    return ControlRequested(
        head=_head(request_id(number)),
        action=action,
        subjects=(subject,),
        value=value,
        by="p-4",
        reason="because",
        files=(_corrected(subject),) if action == "release" and value else (),
    )


def _corrected(subject: str) -> FileRef:
    digest = ids.make_id(subject).replace("-", "") * 2
    key = f"staging/sha256/{digest[:2]}/{digest}"
    kind = "image/tiff"
    return FileRef(use="capture", key=key, sha256=digest, size_bytes=1, media_type=kind)


def _head(event_id: str) -> Head:
    producer = Producer(name="copystand/test", version="1")
    return Head(event_id=event_id, revision=1, occurred_at=utc_now(), producer=producer)
