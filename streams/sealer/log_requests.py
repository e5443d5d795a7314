"""What an operator asks of the sealer, as files in the home: they outlive a crash of both."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.files import fsync_folder, read_json, write_json
from schemas.ids import PSEUDONYM, make_id
from schemas.models import Agent, Head, Producer
from streams.audit.log_events import MAINTENANCE, log_event
from streams.sealer.validation import ValidEvent, valid_event

RESTORE_TOPIC, ROTATE_KEY = "restore-topic", "rotate-key"
KINDS = (RESTORE_TOPIC, ROTATE_KEY)
FOLDER = Path("audit", "requests")
"""The folder of the requests in a home."""


@dataclass(frozen=True)
class LogRequest:
    """One request. Carried out again after a crash, it has the same event and the same effect."""

    kind: str
    subject: str
    """The new topic, or the public key that is to be replaced."""
    by: str
    """Pseudonym of the person who asks."""
    asked_at: str

    def __post_init__(self) -> None:
        """Raises ValueError for what no command writes."""
        datetime.fromisoformat(self.asked_at)
        if not PSEUDONYM.match(self.by):
            raise ValueError(f"{self.by!r} is not a pseudonym")

    @staticmethod
    def now(kind: str, subject: str, by: str) -> "LogRequest":
        """A request of this moment."""
        return LogRequest(kind, subject, by, datetime.now(UTC).isoformat(timespec="milliseconds"))


class LogRequests:
    """The requests of a home that are not carried out yet."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def add(self, request: LogRequest) -> None:
        """Leave a request for the sealer; it is on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fsync_folder(self._folder.parent)
        write_json(self._file(request.kind), asdict(request))

    def open(self) -> Iterator[LogRequest]:
        """Those that are not carried out yet. A file that is not a request is passed over."""
        for kind in KINDS:
            if request := self.get(kind):
                yield request

    def get(self, kind: str) -> LogRequest | None:
        """The request of a kind, if there is one."""
        with suppress(TypeError, ValueError):
            return LogRequest(**read_json(self._file(kind)))
        return None

    def close(self, request: LogRequest) -> None:
        """Remove a request that is carried out."""
        self._file(request.kind).unlink(missing_ok=True)
        fsync_folder(self._folder)

    def _file(self, kind: str) -> Path:
        return self._folder / f"{kind}.json"


def event_of(request: LogRequest, events: int, made_by: Producer) -> ValidEvent:
    """The event that records a request, when the log has some number of events."""
    texts = {
        RESTORE_TOPIC: f"The {events} sealed events were published again, as {request.subject}.",
        ROTATE_KEY: f"The key that signs the log is replaced; {request.subject} signs no longer.",
    }
    head = Head(
        event_id=make_id("sealer", request.kind, request.subject),
        revision=1,
        occurred_at=datetime.fromisoformat(request.asked_at),
        producer=made_by,
    )
    person = Agent(type="person", name=request.by, role="authorizer")
    event = log_event(MAINTENANCE, head, texts[request.kind], persons=[person])
    return valid_event(event)
