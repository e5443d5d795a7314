"""`copystand station add|revoke`, and the same of `repository` and `witness`."""

from pathlib import Path

import click
from confluent_kafka import KafkaException

from infra.kafka_access import ADMIN
from streams import external_access
from streams.console import Exit, emit, fail, json_option, out
from streams.external_access import KINDS, WITNESS
from streams.kafka.client import REPOSITORY, STATION
from streams.known_senders import KnownSenders
from streams.settings import Settings

STATUS_FIX = "Check the line: copystand status"


@click.group()
def station() -> None:
    """Manage the credentials of stations."""


@click.group()
def repository() -> None:
    """Manage the credentials of repositories."""


@click.group()
def witness() -> None:
    """Manage the Kafka logins of witnesses, who compare the checkpoints of the sealed log."""


CREDENTIALS = {WITNESS: "Kafka login"}
"""What is in the file of a kind, where it is less than for the others."""


def add_commands(group: click.Group, kind: str) -> None:
    """Give a group the commands `add` and `revoke`."""

    @group.command(
        "add",
        help=f"Write a file with the credentials of the {kind} NAME: "
        f"{CREDENTIALS.get(kind, 'Kafka login, signing key and upload token')}.",
    )
    @click.argument("name")
    @click.option(
        "--into",
        type=click.Path(path_type=Path, dir_okay=False),
        help="New file for the credentials; by default it is in the folder logins of the home.",
    )
    @json_option
    def add(name: str, into: Path | None, as_json: bool) -> None:
        settings = Settings.load()
        file = (into or settings.home / "logins" / f"{kind}-{name}.json").absolute()
        try:
            brokers, senders = settings.kafka_as(ADMIN), KnownSenders(settings.home)
            quota = settings.sender_quota
            user = external_access.add(brokers, senders, quota, kind, name, file)
        except external_access.AlreadyThere as there:
            fail(Exit.FAILED, str(there), f"Revoke it first: copystand {kind} revoke {name}")
        except (OSError, ValueError, external_access.NoLogins) as wrong:
            fail(Exit.USAGE, str(wrong))
        except (KafkaException, RuntimeError) as failed:
            fail(Exit.MISSING_PART, f"Kafka error: {failed}", STATUS_FIX)
        document = {"user": user, "file": str(file)}
        emit(document, as_json, lambda _: out.print(f"{user}: {file}", highlight=False))

    @group.command(
        "revoke",
        help=f"Revoke the credentials of the {kind} NAME. Open connections lose them, too"
        f"{', and messages with its signature are refused' if kind in KINDS else ''}.",
    )
    @click.argument("name")
    @json_option
    def revoke(name: str, as_json: bool) -> None:
        try:
            settings = Settings.load()
            senders = KnownSenders(settings.home)
            external_access.revoke(settings.kafka_as(ADMIN), senders, kind, name)
        except external_access.NotThere as missing:
            fail(Exit.FAILED, str(missing))
        except ValueError as wrong:
            fail(Exit.USAGE, str(wrong))
        except (KafkaException, RuntimeError) as failed:
            fail(Exit.MISSING_PART, f"Kafka error: {failed}", STATUS_FIX)
        emit({"revoked": name}, as_json, lambda _: out.print(f"{kind} {name} has no access"))


add_commands(station, STATION)
add_commands(repository, REPOSITORY)
add_commands(witness, WITNESS)
