"""Reads capture orders from Kafka, as a station does; remembers them for times without network."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.files import read_json, write_json
from schemas.catalogue import ORDERS
from schemas.times import written
from streams.capture_orders import CLOSED
from streams.kafka.client import CLIENT, STATION, librdkafka
from streams.settings import NotUp, Settings

GROUP = "copystand.orders"
"""No offset of it is stored: the topic is read from its beginning."""
TIMEOUT_SECONDS = 8.0


@dataclass(frozen=True)
class KnownOrders:
    """The orders that a station knows, oldest first."""

    documents: list[dict[str, Any]]
    read_at: str
    """When they were read from Kafka."""
    problem: str | None = None
    """Why they could not be read again now."""

    def find(self, order_id: str) -> dict[str, Any] | None:
        """The order with an id, or None."""
        return next((one for one in self.documents if one["order_id"] == order_id), None)

    def open_for(self, station: str | None) -> list[dict[str, Any]]:
        """The orders that this station may work on, the most urgent first."""
        mine = [
            one
            for one in self.documents
            if one["state"] != CLOSED and (station is None or one["assigned_to"] in (None, station))
        ]
        return sorted(mine, key=_urgency)


def _urgency(order: dict[str, Any]) -> tuple[int, str, str]:
    priorities = ("rush", "normal", "night")
    return priorities.index(order["priority"]), order["due"] or "9999", order["placed_at"]


class OrdersUnknown(Exception):
    """The orders cannot be read, and were not read before."""


def known_orders(settings: Settings) -> KnownOrders:
    """The orders as Kafka has them, else as this station read them last. Raises OrdersUnknown."""
    file = settings.home / "spool" / "orders.json"
    try:
        documents = read_orders(settings)
    except (NotUp, KafkaException, TimeoutError) as failed:
        kept = read_json(file)
        if not kept:
            raise OrdersUnknown(str(failed)) from failed
        return KnownOrders(kept["orders"], kept["read_at"], str(failed))
    read_at = written(datetime.now(UTC))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"read_at": read_at, "orders": documents})
    return KnownOrders(documents, read_at)


def read_orders(settings: Settings, timeout: float = TIMEOUT_SECONDS) -> list[dict[str, Any]]:
    """The present state of every order. Raises NotUp, KafkaException, TimeoutError."""
    client = {**settings.kafka_as(STATION).client, **CLIENT}
    consumer = Consumer(
        {**client, "group.id": GROUP, "enable.auto.commit": False}, logger=librdkafka
    )
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(ORDERS.name, 0), timeout=timeout)
        latest: dict[str, dict[str, Any]] = {}
        consumer.assign([TopicPartition(ORDERS.name, 0, low)])
        deadline, next_offset = time.monotonic() + timeout, low
        while next_offset < high:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{ORDERS.name} was not read to its end in {timeout:g} s")
            for message in consumer.consume(500, 0.2):
                if error := message.error():
                    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                        # The client looks for its group, which is not needed and not permitted.
                        continue
                    raise KafkaException(error)
                next_offset = (message.offset() or 0) + 1
                order = json.loads(message.value() or b"{}")
                latest[order.get("order_id", "")] = order
    finally:
        consumer.close()
    latest.pop("", None)
    return sorted(latest.values(), key=lambda one: (one["placed_at"], one["order_id"]))
