"""Addresses of network scanners, and how long to wait for them."""

import pytest

from streams.clients.scanners.escl_http import Answer, EsclConnection, base_of, wait_seconds
from streams.clients.scanners.scanner_driver import ScannerProblem


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://scanner/eSCL", "http://scanner/eSCL/"),
        ("http://scanner/eSCL/", "http://scanner/eSCL/"),
        ("http://scanner:8080", "http://scanner:8080/"),
        ("scanner.local", "http://scanner.local/"),
        ("https://[fe80::1]:443/eSCL/ScannerCapabilities", "https://[fe80::1]:443/eSCL/"),
    ],
)
def test_reads_the_address_of_a_device(address: str, base: str):
    assert base_of(address) == base


@pytest.mark.parametrize(
    "address", ["ftp://scanner/", "http://", "http://scanner:port/", "file:///etc"]
)
def test_refuses_what_is_not_an_address(address: str):
    with pytest.raises(ScannerProblem) as problem:
        base_of(address)

    assert problem.value.code == "scanner.not-found"


@pytest.mark.parametrize(
    "location",
    [
        "http://scanner:8080/eSCL/ScanJobs/7",
        "/eSCL/ScanJobs/7",
        "ScanJobs/7",
        "http://10.9.8.7/eSCL/ScanJobs/7",
        "https://other.invalid/eSCL/ScanJobs/7",
    ],
)
def test_a_job_is_on_the_device_that_was_asked(location: str):
    connection = EsclConnection("http://scanner:8080/eSCL/", 1)

    assert connection.url(location) == "http://scanner:8080/eSCL/ScanJobs/7"


def test_waits_as_long_as_the_device_says_within_limits():
    assert wait_seconds(Answer(503, retry_after=5), 0) == 5
    assert wait_seconds(Answer(503, retry_after=86400), 0) == 30
    assert wait_seconds(Answer(503), 0) < wait_seconds(Answer(503), 3) <= 30
