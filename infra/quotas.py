"""Sets how much a user may write, read and ask of each broker.

confluent-kafka has no call for quotas, so the request (AlterClientQuotas, version 0) is described
here and sent with aiokafka."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from infra.kafka_access import Brokers, Quota

ALTER_CLIENT_QUOTAS = 49
TEXT = String("utf-8")
ENTITY = Array(("entity_type", TEXT), ("entity_name", TEXT))
ANSWER_MS = 20_000
NONE = Quota(0, 0, 0)
# It warns about a password on a connection without TLS, which here does not leave the machine.
logging.getLogger("aiokafka").setLevel(logging.ERROR)


class QuotasNotSet(RuntimeError):
    """A broker refused a quota."""


class _Answer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = ALTER_CLIENT_QUOTAS, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", TEXT), ("entity", ENTITY))),
    )


class _AlterQuotas(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE = ALTER_CLIENT_QUOTAS, 0, _Answer
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", ENTITY),
                ("ops", Array(("key", TEXT), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class _Alteration(Request[_AlterQuotas]):  # type: ignore[misc]
    API_KEY = ALTER_CLIENT_QUOTAS

    def __init__(self, users: Collection[str], quota: Quota | None) -> None:
        settings = (quota or NONE).settings
        changes = [(name, value, quota is None) for name, value in settings.items()]
        self._entries = [([("user", user)], changes) for user in users]

    def build(self, request_struct_class: type[_AlterQuotas]) -> _AlterQuotas:
        return request_struct_class(self._entries, False)


def put_quotas(brokers: Brokers, users: Collection[str], quota: Quota | None) -> None:
    """Give each of these users this quota, or none. Raises QuotasNotSet, KafkaError of aiokafka."""
    if users:
        asyncio.run(_alter(brokers, _Alteration(users, quota)))


async def _alter(brokers: Brokers, request: _Alteration) -> None:
    async with _client(brokers) as client:
        # Any broker passes it on to the controller.
        answer = await client._send_request(request)
    refused = [f"{message or code}" for code, message, _ in answer.entries if code]
    if refused:
        raise QuotasNotSet(f"Kafka refused a quota: {refused[0]}")


@asynccontextmanager
async def _client(brokers: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(request_timeout_ms=ANSWER_MS, **_connection(brokers))
    try:
        await client.start()
        yield client
    finally:
        await client.close()


def _connection(brokers: Brokers) -> dict[str, Any]:
    """The settings of an aiokafka client."""
    login, tls = brokers.login, brokers.ca is not None
    settings: dict[str, Any] = {
        "bootstrap_servers": brokers.servers.split(","),
        "ssl_context": ssl.create_default_context(cafile=brokers.ca) if tls else None,
        "security_protocol": "SSL" if tls else "PLAINTEXT",
    }
    if login is None:
        return settings
    return settings | {
        "security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.user,
        "sasl_plain_password": login.password,
    }
