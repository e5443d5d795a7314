"""Free TCP ports of a home, chosen once and kept in run/ports.json."""

import os
import random
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.file_lock import Locked, lock_file
from infra.files import read_json, write_json

PORTS = ("kafka", "kafka_controller", "postgres", "router_web", "health", "ingest")
CLUSTER_SIZES = (1, 3)
"""How many brokers a home may have."""
# Below Linux's range for outgoing connections: no client takes a port while its server restarts.
LOWEST, HIGHEST = 20000, 32000
_reserved: dict[int, int] = {}
"""The ports that this process has chosen, and the open files that lock them."""


def names(brokers: int) -> tuple[str, ...]:
    """The names of the ports of a home. Several brokers also need ports for replication."""
    if brokers == 1:
        return PORTS
    nodes = [broker_name(node) for node in range(1, brokers + 1)]
    internal = [f"{node}_{use}" for node in nodes for use in ("controller", "peers")]
    return (*nodes, *internal, *PORTS[2:])


def broker_name(node: int) -> str:
    """The name of a broker by its number from 1, as a process and in ports.json."""
    return "kafka" if node == 1 else f"kafka-{node}"


def choose(
    home: Path, names: Sequence[str] = PORTS, clients: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The ports of the home: those of its last start, and new ones if missing or in use.

    `clients` are ports of a proxy between a server and its clients. They are used as given, and the
    server gets a port of its own (see `listen_port`)."""
    given = clients or {}
    kept = read(home)
    chosen = {name: given[name] for name in names if name in given}
    for name in names:
        own = f"{name}_listens" if name in given else name
        port = kept.get(own)
        if port is None or port in chosen.values() or not is_free(port):
            port = free_port(set(chosen.values()) | set(kept.values()))
        _reserve(port)
        chosen[own] = port
    write_json(home / "run" / "ports.json", chosen)
    return chosen


def listen_port(chosen: Mapping[str, int], name: str) -> int:
    """The port on which a server listens; clients use another one if there is a proxy."""
    return chosen.get(f"{name}_listens", chosen[name])


def brokers(chosen: Mapping[str, int]) -> list[int]:
    """The ports of all brokers for clients."""
    found = [chosen["kafka"]]
    while (port := chosen.get(broker_name(len(found) + 1))) is not None:
        found.append(port)
    return found


def read(home: Path) -> dict[str, int]:
    """The ports of the last start of this home; empty before the first."""
    document = read_json(home / "run" / "ports.json")
    return {name: port for name, port in document.items() if isinstance(port, int)}


def free_port(taken: set[int]) -> int:
    """A port of 127.0.0.1 that no process listens on, and no other line has chosen."""
    every = range(LOWEST, HIGHEST)
    for port in random.sample(every, min(200, len(every))):
        if port not in taken and is_free(port) and _reserve(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} on 127.0.0.1")


def _reserve(port: int) -> bool:
    """Keep a port from lines that choose theirs before this one listens, or while a server
    restarts, for as long as this process lives. Whether this process has not got it already, and
    no other one of this user has."""
    if port in _reserved:
        return False
    folder = Path(tempfile.gettempdir(), f"copystand-ports-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return True  # Somebody else made it: ports are chosen without reservation.
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return True
    try:
        lock_file(lock)
    except Locked:
        os.close(lock)
        return False
    _reserved[port] = lock
    return True


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        # As servers do, so that connections of a former server in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts_connections(port: int) -> bool:
    """Whether a process accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
