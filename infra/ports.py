"""Free TCP ports of a home, chosen once and kept in run/ports.json."""

import json
import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

PORTS = ("kafka", "kafka_controller", "postgres", "router_web")
# Below Linux's range for outgoing connections: no client takes a port while its part restarts.
LOWEST, HIGHEST = 20000, 32000


def choose(home: Path, names: Iterable[str] = PORTS) -> dict[str, int]:
    """The home's ports: those it had, and new ones for what is missing or taken by others."""
    kept = read(home)
    chosen: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        if port is None or port in chosen.values() or not is_free(port):
            port = free_port(set(chosen.values()) | set(kept.values()))
        chosen[name] = port
    write_json(home / "run" / "ports.json", chosen)
    return chosen


def read(home: Path) -> dict[str, int]:
    """The ports written by the last start of this home, or none."""
    try:
        document = json.loads((home / "run" / "ports.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {name: port for name, port in document.items() if isinstance(port, int)}


def free_port(taken: set[int]) -> int:
    """A port of the loopback that nobody listens on."""
    for port in random.sample(range(LOWEST, HIGHEST), 200):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port found between {LOWEST} and {HIGHEST} on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        # As servers do: connections of a former server that are still fading are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_json(path: Path, document: object) -> None:
    """Replace a small JSON file in one step."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(document, indent=2) + "\n")
    draft.replace(path)
