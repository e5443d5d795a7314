"""Control requests while the line is down."""

from pathlib import Path

import pytest

from infra.ports import free_port
from streams.clients.control_requests import (
    RequestedAction,
    RequestSubject,
    make_request,
    send_requests,
)
from streams.settings import NotUp, Settings


def test_a_broker_that_is_down_is_a_missing_part(tmp_path: Path) -> None:
    settings = Settings.load(
        {"COPYSTAND_HOME": str(tmp_path), "KAFKA_BROKERS": f"127.0.0.1:{free_port(set())}"}
    )
    action, subject = RequestedAction("pause", "p-1", "lunch"), RequestSubject(("batch:b-1",))
    request = make_request(action, subject, "1")

    with pytest.raises(NotUp, match="Kafka does not respond"):
        send_requests(settings, [request], 0.5)


def test_a_home_that_is_a_file_has_no_running_parts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")

    with pytest.raises(NotUp, match="nothing was ever started"):
        Settings.load({"COPYSTAND_HOME": str(home)}).ports()
