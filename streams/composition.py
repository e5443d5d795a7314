"""The composition root: builds the adapters of each role and runs the role with them.

What a role uses is imported when it runs, so that the router alone loads Faust and the worker alone
the pool of child processes."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

    from processors.step import Step
    from processors.tools import Storage
    from streams.execution.driver import Driver, RunStep
    from streams.kafka.consumer import StepConsumer
    from streams.kafka.producer import Publisher
    from streams.projector.role import Projector
    from streams.sealer.clients import SealerTopics
    from streams.sealer.role import Sealer
    from streams.worker.scheduler import TaskQueue

    DriverFactory = Callable[[Sequence[Step]], Driver]


def run_role(name: str, settings: Settings) -> None:
    """Run a role until SIGTERM. Raises KeyError for an unknown role."""
    RUN[name](settings)


def run_router(settings: Settings) -> None:
    """Run the router on the store and the broker of the settings."""
    from processors.outcome import Outcome
    from processors.pipeline import router_steps
    from processors.step import Step
    from processors.tools import Tools
    from schemas.models import Fact
    from streams.execution.receipts import Receipts
    from streams.kafka.producer import KafkaPublisher
    from streams.known_senders import KnownSenders
    from streams.router import role
    from streams.router.answer_texts import AnswerTexts
    from streams.router.sender_check import SenderCheck
    from streams.router.upload_check import UploadCheck
    from streams.storage.factory import open_storage
    from streams.uploads.upload_records import UploadRecords

    storage, publisher = open_storage(settings), KafkaPublisher(settings.kafka_as("router"))
    tools = Tools(storage=storage, scratch=settings.home / "cache")

    def run_step(step: Step, fact: Fact) -> Outcome:
        return step.function(fact, tools)

    known = KnownSenders(settings.home)
    checks = {
        "check_sender": SenderCheck(known),
        "hide_texts": AnswerTexts(lambda: settings.dsn("tracker")),
        "check_files": UploadCheck(UploadRecords(known, storage), Receipts(storage)),
    }
    driver_for = _driver_factory(settings, "router", storage, publisher, run_step, checks)
    role.run_router(settings, driver_for(router_steps()))


def run_worker(settings: Settings) -> None:
    """Run the worker with its pool of child processes."""
    from streams.kafka.producer import KafkaPublisher
    from streams.runtime.lane_report import write_lane_report
    from streams.runtime.role_files import WaitReasons
    from streams.storage.disk_reserve import reserve_of
    from streams.storage.factory import open_storage
    from streams.worker.circuit_breaker import Breakers
    from streams.worker.lane_gate import LaneGate
    from streams.worker.lane_settings import LaneSettingsReader
    from streams.worker.pool import Pool
    from streams.worker.resource_limits import MemoryBudget
    from streams.worker.role import Worker
    from streams.worker.scheduler import TaskQueue
    from streams.worker.step_runner import StepRunner

    storage, pool, publisher = (
        open_storage(settings),
        Pool(settings),
        KafkaPublisher(settings.kafka_as("worker"), connections=4, **{"linger.ms": 20}),
    )
    reasons = WaitReasons(settings, "worker")
    breakers = Breakers(lambda reason: reasons.set("breakers", reason))
    disk = reserve_of(settings, lambda reason: reasons.set("disk", reason))
    lanes = LaneGate(LaneSettingsReader(settings), partial(write_lane_report, settings))
    lanes.refresh()
    memory = MemoryBudget(settings.images_bytes)
    runner = StepRunner(pool.run, storage, memory, disk, breakers, lanes)
    driver_for = _driver_factory(settings, "worker", storage, publisher, runner.run)
    tasks = TaskQueue(breakers, lanes)
    consumers = _step_consumers(settings, tasks, driver_for)
    # Twice the pool: while one thread waits for the broker, its child process has other work.
    threads = 2 * settings.pool_size
    Worker(tasks, runner, consumers, threads, lanes.refresh).run(settings)
    pool.close(patient=True)
    publisher.close()


def _driver_factory(
    settings: Settings,
    role: str,
    storage: "Storage",
    publisher: "Publisher",
    run_step: "RunStep",
    checks: "Mapping[str, Any] | None" = None,
) -> "DriverFactory":
    """A function that makes the driver of some steps; the drivers of a role share adapters."""
    from streams.execution.driver import Driver
    from streams.execution.facts import FactBuilder
    from streams.execution.receipts import Receipts
    from streams.runtime.worker_name import worker_name

    receipts, worker = Receipts(storage), worker_name(settings, role)
    facts = FactBuilder(storage, settings.version, retry_scale=settings.retry_scale, worker=worker)
    return lambda steps: Driver(steps, run_step, receipts, publisher, facts, **(checks or {}))


def _step_consumers(
    settings: Settings, tasks: "TaskQueue", driver_for: "DriverFactory"
) -> "list[StepConsumer]":
    """One consumer for each step of the worker, which puts its messages into the queue."""
    from processors.pipeline import worker_steps
    from schemas.catalogue import redone_topic
    from streams.kafka.consumer import StepConsumer
    from streams.worker.role import PREFETCHED, submit_to

    return [
        StepConsumer(
            settings.kafka_as("worker"),
            step.group,
            settings.worker_id,
            [step.topic, redone_topic(step.lane)],
            PREFETCHED,
            submit_to(tasks, step, driver_for((step,))),
            settings.session_timeout_seconds,
        )
        for step in worker_steps()
    ]


def run_tracker(settings: Settings) -> None:
    """Run the tracker on the store, the broker and the database of the settings."""
    from streams.kafka.topic_reader import TopicReader
    from streams.known_senders import KnownSenders
    from streams.runtime.worker_name import worker_name
    from streams.storage.disk_reserve import reserve_of
    from streams.storage.factory import open_storage
    from streams.tracker import database, role
    from streams.tracker.outbox_relay import OutboxRelay
    from streams.uploads.upload_records import UploadRecords

    connect = partial(database.connect, settings.dsn("tracker"))
    reserve, storage = reserve_of(settings), open_storage(settings)
    adapters = role.TrackerAdapters(
        storage=storage,
        uploads=UploadRecords(KnownSenders(settings.home), storage),
        has_space=lambda: reserve.has(0),
        connect=connect,
        reader=TopicReader(settings.kafka_as("tracker")),
        relay=OutboxRelay(connect, settings.kafka_as("tracker")),
        worker=worker_name(settings, "tracker"),
    )
    role.run_tracker(settings, adapters)


def run_sealer(settings: Settings, topics: "SealerTopics | None" = None) -> None:
    """Run the sealer, between other topics when they are given."""
    from schemas.models import Producer
    from streams.runtime.role_files import WaitReasons, announce_ready
    from streams.runtime.worker_name import worker_name
    from streams.sealer import clients, role, sealed_log, signing
    from streams.sealer.event_index import EventIndex
    from streams.sealer.log_requests import LogRequests

    between = topics or clients.SealerTopics()
    reasons = WaitReasons(settings, "sealer")

    def wait_for(reason: str) -> None:
        reasons.set("log", reason)
        if reason:
            # A person has to act, with commands that need a running line.
            announce_ready(settings, "sealer")

    def make_sealer(stopping: "Event") -> "Sealer":
        brokers, folder = settings.kafka_as("sealer"), settings.home / "audit"
        checkpoint_topic = signing.CheckpointTopic(
            clients.checkpoint_producer(brokers), between.checkpoints
        )
        adapters = role.SealerAdapters(
            producer=clients.transactional_producer(brokers, between),
            consumer=clients.intake_consumer(brokers, between),
            open_log=partial(clients.log_consumer, brokers),
            index=EventIndex(folder / "index.db"),
            sealed=sealed_log.open_sealed_log(folder / signing.FOLDER),
            checkpoints=signing.open_checkpoints(settings.home, checkpoint_topic),
            keys=signing.SigningKeys(settings.home),
            requests=LogRequests(settings.home),
            anomalies=folder / "anomalies",
            wait_for=wait_for,
        )
        worker = worker_name(settings, "sealer")
        made_by = Producer(name=role.PRODUCER_NAME, version=settings.version, worker=worker)
        return role.Sealer(adapters, between, made_by, stopping)

    role.run_sealer(settings, make_sealer)


def run_projector(settings: Settings, topics: "SealerTopics | None" = None) -> None:
    """Run the projector, of other topics when they are given."""
    import psycopg

    from schemas.models import PremisEvent, Producer
    from streams.audit.generations import LOG
    from streams.audit.signed_leaves import SignedLeaves
    from streams.kafka.producer import KafkaPublisher
    from streams.projector import findings, log_topic, role
    from streams.runtime.role_files import WaitReasons
    from streams.runtime.worker_name import worker_name
    from streams.sealer import clients

    between = topics or clients.SealerTopics()
    brokers = settings.kafka_as("projector")
    publisher, reasons = KafkaPublisher(brokers), WaitReasons(settings, "projector")
    worker = worker_name(settings, "projector")
    made_by = Producer(name=findings.PRODUCER_NAME, version=settings.version, worker=worker)

    def report(events: "Sequence[PremisEvent]") -> None:
        publisher.publish(findings.messages(between.intake, events))

    def make_projector() -> "Projector":
        return role.Projector(
            log_topic.log_consumer(brokers),
            SignedLeaves(settings.home / LOG, between.premis),
            report,
            lambda reason: reasons.set("log", reason),
            made_by,
        )

    def connect() -> role.Connection:
        return psycopg.connect(settings.dsn("projector"), autocommit=True)

    role.run_projector(settings, make_projector, connect)


def run_watchdog(settings: Settings) -> None:
    """Run the watchdog, which also starts fixity runs."""
    import psycopg
    from psycopg.rows import dict_row

    from streams.fixity.schedule import FixitySchedule
    from streams.monitoring import watchdog
    from streams.monitoring.role_lag import groups_of

    def connect() -> watchdog.Connection:
        return psycopg.connect(settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row)

    groups = groups_of(settings, "watchdog")
    monitor = watchdog.Watchdog(settings, groups, connect)
    watchdog.run_watchdog(settings, monitor, FixitySchedule(settings))


def run_ingest(settings: Settings) -> None:
    """Run the server of uploads on the store of the settings."""
    from streams.ingest import role
    from streams.ingest.application import Ingest
    from streams.ingest.finishing import Finishing
    from streams.ingest.open_uploads import OpenUploads
    from streams.ingest.stored_files import StoredFiles
    from streams.ingest.upload_admission import Admission, shortage_of
    from streams.known_senders import KnownSenders
    from streams.storage.factory import open_storage
    from streams.traffic.traffic import Traffic
    from streams.uploads.upload_records import INGEST

    uploads = OpenUploads(settings.home / "uploads")
    stored = StoredFiles(uploads.folder / "stored.db")
    storage, key = open_storage(settings), settings.signing_key(INGEST, of_home=True)
    senders, most = KnownSenders(settings.home), settings.upload_max_bytes
    admission = Admission(senders, uploads, shortage_of(settings), most)
    finishing = Finishing(uploads, stored, storage, key)
    keep_seconds = settings.upload_hours * 3600
    ingest = Ingest(admission, finishing, Traffic(settings.home), keep_seconds)
    role.run_ingest(settings, ingest)


def run_enrichment(settings: Settings) -> None:
    """Run the role in which models look at pages; see streams/enrichment/adapters.py."""
    from streams.enrichment.adapters import enrichment_parts
    from streams.enrichment.role import run_enrichment

    run_enrichment(settings, enrichment_parts(settings))


RUN: dict[str, Callable[[Settings], None]] = {
    "router": run_router,
    "worker": run_worker,
    "tracker": run_tracker,
    "sealer": run_sealer,
    "projector": run_projector,
    "watchdog": run_watchdog,
    "ingest": run_ingest,
    "enrichment": run_enrichment,
}
