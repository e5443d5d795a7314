"""Ports are not given to two lines that start at the same time."""

import subprocess
import sys

import pytest

from infra import ports

FREE = "from infra import ports; ports.LOWEST, ports.HIGHEST = {}, {}; ports.free_port(set())"


def test_a_chosen_port_is_given_to_nobody_else_before_a_server_listens(
    monkeypatch: pytest.MonkeyPatch,
):
    first = ports.free_port(set())
    monkeypatch.setattr(ports, "LOWEST", first)
    monkeypatch.setattr(ports, "HIGHEST", first + 1)

    with pytest.raises(OSError, match="no free port"):
        ports.free_port(set())
    other = subprocess.run(
        [sys.executable, "-c", FREE.format(first, first + 1)], capture_output=True, text=True
    )
    assert "no free port" in other.stderr
