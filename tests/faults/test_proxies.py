"""The proxies between clients and servers, when toxiproxy itself hangs."""

import signal
import socket
from pathlib import Path

import pytest

from infra.ports import free_port
from tests.faults.chaos import proxies
from tests.faults.chaos.proxies import Proxies


def test_a_server_that_hangs_is_begun_anew_without_toxics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        listen = free_port({port})
        way = Proxies(tmp_path / "log", {"postgres": port}, {"postgres": listen})
        try:
            way.set("postgres", "partition", {})
            way._process.send_signal(signal.SIGSTOP)
            with pytest.raises(OSError, match="timed out"):
                way.set("postgres", "reset", {})
            way.heal()

            socket.create_connection(("127.0.0.1", listen), timeout=5).close()
        finally:
            way.stop()
