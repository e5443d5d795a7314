"""Records of a topic as the Kafka client gives them, and a consumer of some of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, TopicPartition

from streams.audit.sealed_record import Headers


@dataclass(frozen=True)
class KafkaRecord:
    """A record, or an error in its place."""

    at: int
    record_key: bytes | None = None
    record_value: bytes | None = None
    record_headers: Headers = field(default_factory=list)
    failure: KafkaError | None = None
    name: str = "topic"

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return self.name

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_770_000_000_000

    def key(self) -> bytes | None:
        return self.record_key

    def value(self) -> bytes | None:
        return self.record_value

    def headers(self) -> Headers:
        return self.record_headers


class TopicConsumer:
    """Reads the values of a topic, and reports its end."""

    def __init__(self, values: Sequence[bytes | None], low: int = 0) -> None:
        """The values of all offsets; those before `low` were deleted."""
        self._values, self._low, self._next = values, low, 0
        self.read = 0
        """How many records were read."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._next = partitions[0].offset

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return self._low, len(self._values)

    def consume(self, count: int, timeout: float) -> list[KafkaRecord]:
        if self._next >= len(self._values):
            end = KafkaError(KafkaError._PARTITION_EOF)
            return [KafkaRecord(len(self._values), failure=end)]
        first, self._next = self._next, min(len(self._values), self._next + count)
        self.read += self._next - first
        return [KafkaRecord(at, record_value=self._values[at]) for at in range(first, self._next)]

    def close(self) -> None:
        pass
