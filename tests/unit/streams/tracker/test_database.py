"""Lost database connections, and the wait for a database at start."""

import threading
from functools import partial

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
def test_these_errors_mean_a_lost_connection(failure: Exception):
    assert database.is_lost(failure)


@pytest.mark.parametrize(
    "failure", [errors.DiskFull(), errors.QueryCanceled(), errors.UniqueViolation(), OSError(28)]
)
def test_an_error_that_the_server_reports_does_not(failure: Exception):
    assert not database.is_lost(failure)


def test_a_tracker_waits_for_its_database_until_it_must_stop():
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()

    dsn = f"postgresql://nobody@127.0.0.1:{free_port(set())}/none"
    found = database.wait_for_connection(partial(database.connect, dsn), stop)

    assert stop.is_set()
    assert found is None
    timer.join()
