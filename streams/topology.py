"""What exists on a line: roles, topics and consumer groups, put together from the one table."""

from collections.abc import Callable

from processors.pipeline import router_steps, worker_steps
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, TOPICS, Topic, redone_topic
from streams.settings import Settings
from streams.tracker.topic_reader import INPUTS

ROLES = ("router", "worker", "tracker", "sealer", "projector", "watchdog")


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


def role_of(group: str) -> str:
    """The role that reads a group: its own name, or the worker, which reads one for each step."""
    name = group.removeprefix("copystand.")
    return name if name in ROLES else "worker"


def lane_of(group: str) -> str | None:
    """The lane whose work a group takes; None for those that are no step's."""
    lanes = [step.lane for step in (*router_steps(), *worker_steps()) if step.group == group]
    return lanes[0] if lanes else None


def role(name: str) -> Callable[[Settings], None]:
    """The function that runs a role. Imported late: a station loads neither Faust nor libvips.

    Raises KeyError for a name that is no role."""
    if name == "router":
        from streams.router.role import run_router

        return run_router
    if name == "worker":
        from streams.worker.role import run_worker

        return run_worker
    if name == "tracker":
        from streams.tracker.role import run_tracker

        return run_tracker
    if name == "sealer":
        from streams.sealer.role import run_sealer

        return run_sealer
    if name == "projector":
        from streams.projector.role import run_projector

        return run_projector
    if name == "watchdog":
        from streams.monitoring.watchdog import run_watchdog

        return run_watchdog
    raise KeyError(name)
