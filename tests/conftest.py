"""What tests of every kind share."""

from collections.abc import Iterator

import pytest

from tests.support.s3_store import S3Server, running_s3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 store for all tests of a run; each takes a prefix of its own."""
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server
