"""Which failures say that the database is away, and that a tracker waits for it."""

import threading

import psycopg
import pytest
from psycopg import errors

from infra.ports import free_port
from streams.tracker import database


@pytest.mark.parametrize(
    "failure",
    [
        psycopg.OperationalError("server closed the connection unexpectedly"),
        errors.AdminShutdown(),
        errors.CrashShutdown(),
        errors.CannotConnectNow(),
        errors.ConnectionFailure(),
    ],
)
def test_a_connection_that_is_gone_is_lost(failure: Exception):
    assert database.is_lost(failure)


@pytest.mark.parametrize(
    "failure", [errors.DiskFull(), errors.QueryCanceled(), errors.UniqueViolation(), OSError(28)]
)
def test_what_the_server_refuses_is_not(failure: Exception):
    assert not database.is_lost(failure)


def test_a_tracker_waits_for_its_database_until_it_is_told_to_stop():
    stop = threading.Event()
    late = threading.Timer(0.5, stop.set)
    late.start()

    found = database.connected(f"postgresql://nobody@127.0.0.1:{free_port(set())}/none", stop)

    assert stop.is_set()
    assert found is None
    late.join()
