"""Liveness and readiness are two questions with two answers."""

import json
import urllib.error
import urllib.request

import pytest

from infra.ports import free_port
from streams.monitoring.health_server import REPORT_WITHIN_SECONDS, Health, serve


def ask(port: int, page: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused) if refused.code == 503 else {}


@pytest.fixture
def clock():
    return [1000.0]


def test_a_line_without_its_database_is_live_and_not_ready(clock):
    health, port = Health(lambda: clock[0]), free_port(set())
    server = serve(health, port)
    try:
        health.update({"checks": {}})
        assert (ask(port, "/health/live")[0], ask(port, "/health/ready")[0]) == (200, 200)

        health.update({"checks": {"database": "does not answer"}})
        assert ask(port, "/health/live")[0] == 200
        assert ask(port, "/health/ready") == (
            503,
            {"ok": False, "faults": {"database": "does not answer"}},
        )
        assert ask(port, "/elsewhere")[0] == 404
    finally:
        server.shutdown()


def test_a_watchdog_that_no_longer_reports_is_neither_live_nor_ready(clock):
    health = Health(lambda: clock[0])
    health.update({"checks": {}})

    clock[0] += REPORT_WITHIN_SECONDS + 1

    assert not health.live()[0]
    assert health.ready()[1]["faults"].keys() == {"watchdog"}


def test_before_the_first_report_it_is_live_and_not_ready(clock):
    health = Health(lambda: clock[0])

    assert health.live()[0]
    assert not health.ready()[0]
