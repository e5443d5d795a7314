"""The identity of the Kafka of a home, and the number of its brokers: chosen at its first start."""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import ports
from infra.files import DamagedFile, read_json, write_json
from infra.kafka_storage import cluster_id_of, has_data


class WrongBrokers(ValueError):
    """An impossible number of brokers; the message has the reason and the fix."""


@dataclass(frozen=True)
class Cluster:
    """The brokers of a home, chosen at its first start."""

    id: str
    brokers: int


def cluster_of(home: Path, wanted: int | None = None) -> Cluster:
    """The brokers of a home: those of its first start, else the wanted number, else one.

    Raises WrongBrokers, DamagedFile."""
    if wanted not in (None, *ports.CLUSTER_SIZES):
        raise WrongBrokers(f"a home has 1 or 3 brokers, not {wanted}")
    file = home / "kafka" / "cluster.json"
    document = read_json(file)
    if {"id", "brokers"} <= document.keys():
        found = Cluster(document["id"], document["brokers"])
    else:
        found = _derived_cluster(home, wanted)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"id": found.id, "brokers": found.brokers})
    if wanted not in (None, found.brokers):
        raise WrongBrokers(
            f"the number of brokers of {home} is {found.brokers} and cannot change to {wanted}:"
            " unset COPYSTAND_BROKERS, or use another home"
        )
    return found


def _derived_cluster(home: Path, wanted: int | None) -> Cluster:
    """The cluster to which the data of a home belong; a new one if there are no data."""
    folders = [home / ports.broker_name(node) for node in range(1, max(ports.CLUSTER_SIZES) + 1)]
    known = [found for found in map(cluster_id_of, folders) if found]
    if not known and any(map(has_data, folders)):
        raise DamagedFile(
            f"{folders[0] / 'cluster.json'} is empty or unreadable, and so is meta.properties in"
            " the folders of the brokers. Restore one of these files from a backup."
        )
    if not known:
        return Cluster(cluster_id(), wanted or 1)
    return Cluster(known[0], len(folders) if folders[-1].exists() else 1)


def cluster_id(draw: Callable[[], bytes] = lambda: uuid.uuid4().bytes) -> str:
    """A new cluster id: 16 bytes in base64url, like a Uuid of org.apache.kafka.common.

    It never starts with a dash, which `kafka-storage format` would parse as an option."""
    while (new := base64.urlsafe_b64encode(draw()).decode().rstrip("=")).startswith("-"):
        pass
    return new
