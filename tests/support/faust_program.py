"""A small Faust program for the tests of the commit guard, which start and kill its process."""

import argparse
import asyncio
import os
import time
from pathlib import Path

import faust

from infra.kafka_access import Brokers, read_login
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


def append_line(log: Path, text: str) -> None:
    """Append a line at once, so that a kill -9 does not lose it."""
    with log.open("a") as file:
        file.write(text + "\n")


def brokers_of(options: argparse.Namespace) -> Brokers:
    """The cluster, as the options name it."""
    return Brokers(options.kafka, read_login(options.login))


def overlapping(options: argparse.Namespace) -> faust.App:
    """Events of one partition overlap; `slow` waits until the file `gate` exists."""
    app = faust.App(
        options.name,
        broker=f"kafka://{options.kafka}",
        broker_credentials=router.credentials(brokers_of(options)),
        consumer_group_instance_id=options.name,
        datadir=options.folder / "faust",
        web_enabled=False,
        **router.FAUST_SETTINGS,
    )
    topic = app.topic(options.topic, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, concurrency=4)
    async def take(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            append_line(options.folder / "begun", value.decode())
            while value == SLOW and not (options.folder / "gate").exists():
                await asyncio.sleep(0.05)
            append_line(options.folder / "done", value.decode())

    return app


def routing(options: argparse.Namespace) -> faust.App:
    """The router app and driver of the line; its step fails on one batch in the requested way."""
    router.GROUP = options.name
    storage = LocalStorage(options.folder)
    tools = Tools(storage=storage, scratch=options.folder)

    def run(step: Step, fact: Record) -> Outcome:
        batch_id = fact.head.batch_id  # type: ignore[attr-defined]
        append_line(options.folder / "begun", batch_id)
        if batch_id == options.trap and options.fault == "raise":
            raise RuntimeError("an unexpected fault")
        if batch_id == options.trap and options.fault == "exit":
            time.sleep(1.5)  # Enough time to commit earlier events.
            os._exit(70)
        assert step.function is receive_batch
        return receive_batch(fact, tools)

    publisher, receipts = KafkaPublisher(brokers_of(options)), Receipts(storage)
    settings = Settings(
        home=options.folder,
        pool_size=1,
        worker_id="test",
        kafka_brokers=options.kafka,
        kafka_credentials=options.login,
    )
    (options.folder / "run").mkdir(exist_ok=True)
    (options.folder / "run" / "ports.json").write_text(f'{{"router_web": {options.web}}}')
    return router.make_app(
        settings, Driver(router_steps(), run, receipts, publisher, FactBuilder(storage, "1"))
    )


def main() -> None:
    """Run one of the two apps until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("app", choices=["overlapping", "routing"])
    parser.add_argument("--name", required=True)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--login", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--topic", default="")
    parser.add_argument("--unguarded", action="store_true")
    parser.add_argument("--trap", default="")
    parser.add_argument("--fault", default="")
    parser.add_argument("--web", type=int, default=0)
    options = parser.parse_args()
    if not options.unguarded:
        install_commit_guard()
    app = overlapping(options) if options.app == "overlapping" else routing(options)
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, loglevel="WARNING")
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
