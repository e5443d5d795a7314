"""A small Faust program for the tests of the commit guard: one process, killed and started by them."""

import argparse
import asyncio
import os
import time
from pathlib import Path

import faust

from processors.outcome import Outcome
from processors.pipeline import Step, router_steps
from processors.route import receive_batch
from processors.tools import Tools
from schemas.models import Record
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.producer import KafkaPublisher
from streams.router import role as router
from streams.router.faust_commit_guard import install_commit_guard
from streams.settings import Settings
from streams.storage.local import LocalStorage

SLOW = b"slow"


def note(log: Path, text: str) -> None:
    """Append a line at once, so that a kill -9 does not take it along."""
    with log.open("a") as file:
        file.write(text + "\n")


def overlapping(asked: argparse.Namespace) -> faust.App:
    """Events of one partition overlap; `slow` waits until the gate stands."""
    app = faust.App(
        asked.name,
        broker=f"kafka://{asked.kafka}",
        consumer_group_instance_id=asked.name,
        datadir=asked.folder / "faust",
        web_enabled=False,
        **router.FAUST_SETTINGS,
    )
    topic = app.topic(asked.topic, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, concurrency=4)
    async def take(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            note(asked.folder / "begun", value.decode())
            while value == SLOW and not (asked.folder / "gate").exists():
                await asyncio.sleep(0.05)
            note(asked.folder / "done", value.decode())

    return app


def routing(asked: argparse.Namespace) -> faust.App:
    """The line's own router app and driver; its step fails in the way asked for on one batch."""
    router.GROUP = asked.name
    storage = LocalStorage(asked.folder)
    tools = Tools(storage=storage, scratch=asked.folder)

    def run(step: Step, fact: Record) -> Outcome:
        batch_id = fact.head.batch_id  # type: ignore[attr-defined]
        note(asked.folder / "begun", batch_id)
        if batch_id == asked.trap and asked.fault == "raise":
            raise RuntimeError("a fault that nobody foresaw")
        if batch_id == asked.trap and asked.fault == "exit":
            time.sleep(1.5)  # Time enough for commits of what went before.
            os._exit(70)
        assert step.function is receive_batch
        return receive_batch(fact, tools)

    publisher, receipts = KafkaPublisher(asked.kafka), Receipts(storage)
    settings = Settings(home=asked.folder, pool_size=1, worker_id="test", kafka_brokers=asked.kafka)
    (asked.folder / "run").mkdir(exist_ok=True)
    (asked.folder / "run" / "ports.json").write_text(f'{{"router_web": {asked.web}}}')
    return router.make_app(
        settings, Driver(router_steps(), run, receipts, publisher, FactBuilder(storage, "1"))
    )


def main() -> None:
    """Run one of the two apps until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("app", choices=["overlapping", "routing"])
    parser.add_argument("--name", required=True)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--topic", default="")
    parser.add_argument("--unguarded", action="store_true")
    parser.add_argument("--trap", default="")
    parser.add_argument("--fault", default="")
    parser.add_argument("--web", type=int, default=0)
    asked = parser.parse_args()
    if not asked.unguarded:
        install_commit_guard()
    app = overlapping(asked) if asked.app == "overlapping" else routing(asked)
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, loglevel="WARNING")
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
