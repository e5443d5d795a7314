"""The role `ingest`: serves the application until SIGTERM."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from infra.kafka_listeners import LOOPBACK, Network
from streams.ingest.application import Ingest, application
from streams.runtime.fatal_errors import end_process
from streams.runtime.lifecycle import ALIVE_EVERY_SECONDS, ShutdownSignal, shutdown_signal
from streams.runtime.role_files import WaitReasons, announce_ready
from streams.settings import Settings

log = logging.getLogger(__name__)

NAME = "ingest"
EXPIRE_EVERY_SECONDS = 60.0
CONNECTIONS = 512
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 10


@dataclass(frozen=True)
class Listener:
    """Where the server listens, and its certificate if it uses TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


def listener_of(network: Network | None, port: int) -> Listener:
    """The address for other machines if there is one, else this port on loopback."""
    if network is None:
        return Listener(LOOPBACK, port)
    return Listener(network.host, network.port, network.certificate, network.key)


class Server(uvicorn.Server):
    """A server that leaves signals to the role."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers."""
        yield


def server_of(ingest: Ingest, listener: Listener) -> Server:
    """The server of an application; it does not listen yet."""
    config = uvicorn.Config(
        application(ingest),
        host=listener.host,
        port=listener.port,
        ssl_certfile=listener.certificate,
        ssl_keyfile=listener.key,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http="h11",
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return Server(config)


def run_ingest(settings: Settings, ingest: Ingest) -> None:
    """Accept uploads until SIGTERM."""
    # What its libraries log of each request is not of interest.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    stop = shutdown_signal(settings, NAME)
    listener = listener_of(settings.ingest_address, settings.ingest_port)
    _require_certificate(listener)
    asyncio.run(_serve(settings, ingest, server_of(ingest, listener), stop))


def _require_certificate(listener: Listener) -> None:
    """End the process with a clear message if the certificate or its key cannot be read."""
    for file in filter(None, (listener.certificate, listener.key)):
        try:
            file.read_bytes()
        except OSError as error:
            reason = (
                f"{file} cannot be read: {error.strerror}. Correct COPYSTAND_KAFKA_CERTIFICATE and"
                " COPYSTAND_KAFKA_KEY, or unset COPYSTAND_INGEST_NETWORK."
            )
            end_process("the role cannot continue", role=NAME, reason=reason)


async def _serve(settings: Settings, ingest: Ingest, server: Server, stop: ShutdownSignal) -> None:
    serving = asyncio.create_task(server.serve())
    reasons, expired_at, announced = WaitReasons(settings, NAME), float("-inf"), False
    while not stop.is_set() and not serving.done():
        if server.started and not announced:
            announce_ready(settings, NAME)
            announced = True
        if time.monotonic() - expired_at > EXPIRE_EVERY_SECONDS:
            expired_at = time.monotonic()
            expire(ingest)
        shortage = await asyncio.to_thread(ingest.admission.shortage)
        reasons.set("disk", f"refuses uploads until there is space: {shortage}" if shortage else "")
        await asyncio.sleep(ALIVE_EVERY_SECONDS if announced else 0.05)
    server.should_exit = True
    await serving


def expire(ingest: Ingest) -> None:
    """Remove what was not continued in time."""
    for upload in ingest.finishing.uploads.expire(ingest.keep_seconds):
        where = {"upload": upload.id, "sender": upload.sender, "size_bytes": upload.size_bytes}
        log.info("unfinished upload expired", extra=where)
        ingest.count("expired")
    ingest.finishing.stored.expire(time.time() - ingest.keep_seconds)
