"""The environment variables about the share of a machine that servers and lanes may use."""

from typing import Annotated

from pydantic import BaseModel, PlainValidator

from streams.lane_limits import LaneLimits, LaneProcesses, read_limits, read_processes
from streams.settings_fields import variable


class ResourceVariables(BaseModel):
    """Memory of the servers, and limits of the lanes of a worker."""

    kafka_heap_mb: int = variable(
        "COPYSTAND_KAFKA_HEAP_MB",
        512,
        "Largest heap of the JVM of each Kafka broker that `copystand up` starts.",
        read_by="`copystand up`",
        unit="MB",
        ge=96,
        in_file=True,
    )
    postgres_buffers_mb: int = variable(
        "COPYSTAND_POSTGRES_BUFFERS_MB",
        256,
        "Memory in which PostgreSQL keeps pages of its tables (`shared_buffers`).",
        read_by="`copystand up`",
        unit="MB",
        ge=16,
        in_file=True,
    )
    lane_limits: Annotated[LaneLimits, PlainValidator(read_limits)] = variable(
        "COPYSTAND_LANE_LIMITS",
        dict,
        "How much each lane of a worker does: tasks/min, megapixels/s, megabytes/s of the files"
        " that its tasks read and add. Further tasks of the lane wait; other lanes go on.",
        read_by="worker",
        must_be="like text=20/min,masters=30MP/s,derivatives=8MB/s",
        default_text="no limits",
        in_file=True,
    )
    lane_processes: Annotated[LaneProcesses, PlainValidator(read_processes)] = variable(
        "COPYSTAND_LANE_PROCESSES",
        dict,
        "How many tasks of each lane a worker has in child processes at once.",
        read_by="worker",
        must_be="like text=1,derivatives=2",
        default_text="WORK_POOL_SIZE for each lane",
        in_file=True,
    )
