"""What exists on a line: roles, topics and consumer groups, put together from the one table."""

from collections.abc import Callable

from processors.pipeline import router_steps, worker_steps
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, TOPICS, Topic, redone_topic
from streams.settings import Settings
from streams.tracker.consumer import INPUTS

ROLES = ("router", "worker", "tracker", "sealer", "projector")


def topics() -> tuple[Topic, ...]:
    """Every topic that must exist."""
    return TOPICS


def groups() -> dict[str, list[str]]:
    """Every consumer group whose offsets Kafka keeps, with its topics."""
    found = {
        "copystand.router": [
            *dict.fromkeys(step.topic for step in router_steps()),
            redone_topic("intake"),
        ],
        "copystand.sealer": [AUDIT_INTAKE.name],
        # What counts stands in Postgres; these offsets only let `status` tell the lag.
        "copystand.projector": [AUDIT_PREMIS.name],
        "copystand.tracker": list(INPUTS),
    }
    for step in worker_steps():
        found[step.group] = [step.topic, redone_topic(step.lane)]
    return found


def role(name: str) -> Callable[[Settings], None]:
    """The function that runs a role. Imported late: a station loads neither Faust nor libvips.

    Raises KeyError for a name that is no role."""
    if name == "router":
        from streams.router import run_router

        return run_router
    if name == "worker":
        from streams.worker import run_worker

        return run_worker
    if name == "tracker":
        from streams.tracker.role import run_tracker

        return run_tracker
    if name == "sealer":
        from streams.sealer import run_sealer

        return run_sealer
    if name == "projector":
        from streams.projector import run_projector

        return run_projector
    raise KeyError(name)
