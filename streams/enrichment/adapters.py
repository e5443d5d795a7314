"""Builds what the role enrichment uses of the outside world."""

from functools import partial
from importlib.metadata import entry_points

import psycopg

from processors.enrich.installed_analyzers import GROUP
from processors.pipeline import ENRICHMENT
from processors.tools import Tools
from schemas.models import Producer
from streams.enrichment.page_runs import PRODUCER_NAME, PageRuns, installed_models
from streams.enrichment.role import EnrichmentParts
from streams.enrichment.tables import Connection
from streams.kafka.producer import KafkaPublisher
from streams.kafka.topic_reader import TopicReader
from streams.runtime.role_files import WaitReasons
from streams.runtime.worker_name import worker_name
from streams.settings import Settings
from streams.storage.disk_reserve import reserve_of
from streams.storage.factory import open_storage
from streams.worker.lane_gate import LaneGate
from streams.worker.lane_settings import LaneSettingsReader
from streams.worker.pool import Pool

CHILD_MB = 1024.0
"""Memory limit of a child process: no model needs more, and it must not take it from the line."""


def enrichment_parts(settings: Settings) -> EnrichmentParts:
    """The adapters of the role, on the servers and the store of the settings."""
    at_once = settings.lane_processes.get(ENRICHMENT, 1)
    brokers = settings.kafka_as(ENRICHMENT)
    storage, pool = open_storage(settings), Pool(_of_children(settings, at_once), only_idle=True)
    worker = worker_name(settings, ENRICHMENT)
    made_by = Producer(name=PRODUCER_NAME, version=settings.version, worker=worker)
    gate = LaneGate(LaneSettingsReader(settings))
    gate.refresh()

    def connect() -> Connection:
        return psycopg.connect(settings.dsn("tracker"), autocommit=True)

    return EnrichmentParts(
        connect=connect,
        reader=TopicReader(brokers, f"copystand.{ENRICHMENT}"),
        publisher=KafkaPublisher(brokers),
        storage=storage,
        tools=Tools(storage=storage, scratch=settings.home / "cache"),
        # Without an analyzer no child process is started.
        find_models=lambda: installed_models(pool.run) if entry_points(group=GROUP) else (),
        make_runs=lambda models: PageRuns(pool.run, models, made_by),
        gate=gate,
        at_once=at_once,
        shortage=reserve_of(settings).shortage,
        wait_for=partial(WaitReasons(settings, ENRICHMENT).set, "work"),
        close=lambda: pool.close(patient=True),
    )


def _of_children(settings: Settings, at_once: int) -> Settings:
    """Settings of the child processes: their number, and their memory beside those of a worker."""
    own = {
        "pool_size": at_once,
        "worker_id": f"{settings.worker_id}.{ENRICHMENT}",
        "child_mb": min(settings.child_mb, CHILD_MB),
    }
    return settings.model_copy(update=own)
