"""The router role on Faust: the entry point for messages of external clients."""

import asyncio
import os
import ssl
from typing import Any

import faust
from faust.types import StreamT

from infra.kafka_access import Brokers
from processors.pipeline import router_steps
from schemas.catalogue import redone_topic
from streams.execution.driver import Driver
from streams.kafka.messages import Incoming
from streams.router.aiokafka_headers import install_reader
from streams.router.faust_commit_guard import install_commit_guard
from streams.runtime.lifecycle import ALIVE_EVERY_SECONDS, ShutdownSignal
from streams.runtime.role_files import announce_ready
from streams.settings import Settings

GROUP = "copystand.router"
LANE = "intake"
FAUST_SETTINGS: dict[str, Any] = {
    "processing_guarantee": "at_least_once",
    "broker_max_poll_interval": 1_000_000,
    "broker_commit_interval": 1.0,
    # With an instance id a killed router reads again after 2 s; without one after 45 s.
    "broker_session_timeout": 46,
    "broker_heartbeat_interval": 5,
    "broker_rebalance_timeout": 120,
    "broker_request_timeout": 90,
    "stream_buffer_maxsize": 256,
    "stream_wait_empty": True,
    "consumer_auto_offset_reset": "earliest",
    "producer_request_timeout": 60,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "table_standby_replicas": 0,
    "web_bind": "127.0.0.1",
    "web_host": "127.0.0.1",
    "web_tables_enabled": False,
    "web_router_enabled": False,
}


def make_app(settings: Settings, driver: Driver) -> faust.App:
    """The Faust app: for each topic one agent, which passes raw messages to the driver."""
    brokers = settings.kafka_as("router")
    app = faust.App(
        GROUP,
        broker=f"kafka://{brokers}",
        broker_credentials=credentials(brokers),
        consumer_group_instance_id=f"{GROUP}.{settings.worker_id}",
        datadir=settings.home / "run" / "faust",
        web_port=settings.router_web_port,
        **FAUST_SETTINGS,
    )
    topics = dict.fromkeys(step.topic for step in router_steps())
    for topic in (*topics, redone_topic(LANE)):
        _add_agent(app, topic, driver)

    @app.page("/health/live")
    async def live(view: faust.web.View, request: faust.web.Request) -> faust.web.Response:
        """Answers while the event loop runs."""
        return view.json({"live": True, "pid": os.getpid()})

    stop = ShutdownSignal(settings, "router")

    @app.timer(ALIVE_EVERY_SECONDS)
    async def alive() -> None:
        """Give the supervisor a sign of life."""
        stop.is_set()

    @app.task
    async def ready() -> None:
        """Report to the supervisor as soon as partitions are assigned."""
        while not app.consumer.assignment():
            await asyncio.sleep(0.1)
        announce_ready(settings, "router")

    return app


def credentials(brokers: Brokers) -> faust.SASLCredentials | None:
    """The login of Faust's clients; None for a cluster without access control."""
    if brokers.login is None:
        return None
    context = ssl.create_default_context(cafile=brokers.ca) if brokers.ca else None
    return faust.SASLCredentials(
        mechanism=brokers.login.mechanism,
        username=brokers.login.user,
        password=brokers.login.password,
        ssl_context=context,
    )


def _add_agent(app: faust.App, name: str, driver: Driver) -> None:
    topic = app.topic(name, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, name=f"take.{name}", isolated_partitions=True)
    async def take(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            # The driver returns or ends the process: an exception here would lose the event.
            await asyncio.to_thread(driver.handle, _incoming(event.message))


def _incoming(message: faust.types.Message) -> Incoming:
    headers = message.headers or {}
    pairs = headers.items() if hasattr(headers, "items") else headers
    return Incoming(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={name: value or b"" for name, value in pairs},
    )


def run_router(settings: Settings, driver: Driver) -> None:
    """Run the router in the foreground until SIGTERM; the driver executes its steps."""
    install_commit_guard()
    install_reader()
    app = make_app(settings, driver)
    # Faust would replace our log handlers with its own.
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
    # It writes cursor codes for a terminal, here into the log.
    worker.spinner = None
    worker.execute_from_commandline()
