"""Events about the sealed log itself, made by the roles that write it."""

from collections.abc import Sequence

from processors.premis import event_type_uri, producer_agents
from schemas.models import Agent, Head, PremisEvent

ANOMALY = "log-anomaly"
MAINTENANCE = "log-maintenance"


def log_event(
    event_type: str,
    head: Head,
    detail: str,
    *,
    code: str | None = None,
    sources: Sequence[str] = (),
    persons: Sequence[Agent] = (),
) -> PremisEvent:
    """An event of the role that is the producer in its head. With a code it reports a failure."""
    return PremisEvent(
        head=head,
        fact="PremisEvent",
        ordinal=0,
        event_type=event_type,
        event_type_uri=event_type_uri(event_type),
        outcome="fai" if code else "suc",
        code=code,
        detail=detail,
        agents=(*producer_agents(head.producer), *persons),
        sources=tuple(sources),
    )
