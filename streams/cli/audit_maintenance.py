"""`copystand audit restore-topic|rotate-key`: what an operator asks of the sealer."""

import time
from collections.abc import Callable
from typing import Any

import click
from confluent_kafka import KafkaException

from infra.files import DamagedFile
from infra.kafka_access import ADMIN
from streams.audit.generations import LOG, topic_in_use
from streams.cli.audit import audit
from streams.cli.audit_verify import NO_LOG_FIX, sealed_tree, topic_faults
from streams.cli.requests import check_known, timeout_option
from streams.console import Exit, emit, fail, json_option, out
from streams.sealer.log_requests import RESTORE_TOPIC, ROTATE_KEY, LogRequest, LogRequests
from streams.settings import NotUp, Settings
from streams.transparency_log.log_keys import read_public_keys

LOOK_SECONDS = 0.2
LATER_FIX = "The request is kept, and the sealer continues with it: copystand status"


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    by = click.option("--by", required=True, help="Your pseudonym, such as p-4.")
    return by(timeout_option("the sealer")(json_option(command)))


@audit.command("restore-topic")
@_options
def restore_topic(by: str, timeout: float, as_json: bool) -> None:
    """Publish all sealed events again, as a new topic.

    For a topic from which records are missing, or in which records were changed. The events keep
    their numbers and bytes. The next checkpoint names the new topic; the old one stays as it is.
    Does nothing if the topic has all events."""
    settings = Settings.load()
    check_known(settings, by)
    log, faults = sealed_tree(settings)
    if faults:
        why = f"seq {faults[0].seq}: {faults[0].why}"
        fail(Exit.FAILED, f"the sealed log is damaged: {why}", "Restore it from a backup.")
    requests = LogRequests(settings.home)
    if requests.get(RESTORE_TOPIC) is None and topic_faults(settings, log):
        topic = _create_topic(settings)
        requests.add(LogRequest.now(RESTORE_TOPIC, topic, by))
    restored = _wait(requests, RESTORE_TOPIC, timeout)
    topic = topic_in_use(settings.home / LOG)
    document = {"topic": topic, "restored": restored, "events": log.size}
    text = f"{log.size} events are in {topic}" if restored else f"{topic} has all {log.size} events"
    emit(document, as_json, lambda _: out.print(text, highlight=False))


@audit.command("rotate-key")
@_options
def rotate_key(by: str, timeout: float, as_json: bool) -> None:
    """Let a new key sign the sealed log.

    The last checkpoint of the present key names the new one, and both sign it. The present key is
    deleted. Whoever knows one key of the log can follow it to the new one."""
    settings = Settings.load()
    check_known(settings, by)
    try:
        keys = read_public_keys(settings.home / LOG)
    except DamagedFile as damaged:
        fail(Exit.FAILED, str(damaged))
    if not keys:
        fail(Exit.MISSING_PART, "the sealed log has no key yet", NO_LOG_FIX)
    requests = LogRequests(settings.home)
    if requests.get(ROTATE_KEY) is None:
        requests.add(LogRequest.now(ROTATE_KEY, str(keys[-1].key), by))
    _wait(requests, ROTATE_KEY, timeout)
    present = read_public_keys(settings.home / LOG)[-1]
    document = {"key": str(present.key), "from_size": present.from_size}
    text = f"{present.key} signs from {present.from_size} events on"
    emit(document, as_json, lambda _: out.print(text, highlight=False, soft_wrap=True))


def _create_topic(settings: Settings) -> str:
    # Imported here: it loads the table of steps.
    from streams.provision import create_sealed_topic

    try:
        return create_sealed_topic(settings.kafka_as(ADMIN), settings.home)
    except (NotUp, KafkaException) as down:
        fail(Exit.MISSING_PART, f"Kafka does not answer: {down}", "Start the line: copystand up")


def _wait(requests: LogRequests, kind: str, seconds: float) -> bool:
    """Wait until the sealer has carried out a request; false if there is none."""
    asked, deadline = requests.get(kind), time.monotonic() + seconds
    while asked is not None and requests.get(kind) == asked:
        if time.monotonic() > deadline:
            fail(Exit.TIMEOUT, f"the sealer has not finished within {seconds:g} s", LATER_FIX)
        time.sleep(LOOK_SECONDS)
    return asked is not None
