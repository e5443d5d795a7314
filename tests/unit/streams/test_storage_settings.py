"""Where the objects are: what the environment may say, and every mistake in it."""

from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError
from streams.storage.factory import open_storage
from streams.storage.local import LocalStorage
from streams.storage_settings import LOCAL

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a secret"}


def settings(home: Path, **environment: str) -> Settings:
    return Settings.load({"COPYSTAND_HOME": str(home), **environment})


def test_objects_lie_on_local_disk_unless_a_store_is_named(tmp_path: Path):
    found = settings(tmp_path)

    assert (found.s3, found.store) == (None, LOCAL)
    assert isinstance(open_storage(found), LocalStorage)


def test_a_store_is_a_bucket_and_a_prefix(tmp_path: Path):
    found = settings(tmp_path, COPYSTAND_STORE="s3://masters/lab/2026/", **KEYS).s3

    assert found is not None
    assert (found.bucket, found.prefix) == ("masters", "lab/2026")
    assert found.endpoint == "https://s3.us-east-1.amazonaws.com"
    assert str(found) == "s3://masters/lab/2026"


def test_a_secret_is_not_printed(tmp_path: Path):
    found = settings(tmp_path, COPYSTAND_STORE="s3://masters", AWS_SESSION_TOKEN="token", **KEYS)

    assert "a secret" not in repr(found)
    assert "token'" not in repr(found)


def test_every_mistake_about_the_store_is_reported_at_once(tmp_path: Path):
    with pytest.raises(SettingsError) as refused:
        settings(
            tmp_path,
            WORK_POOL_SIZE="0",
            COPYSTAND_STORE="S3:/Masters",
            COPYSTAND_S3_ENDPOINT="http://store.example.org:8333",
        )

    for word in (
        "WORK_POOL_SIZE", "COPYSTAND_STORE must be empty or s3://bucket/prefix, got 'S3:/Masters'",
        "plain http to store.example.org",
        "AWS_ACCESS_KEY_ID is empty", "AWS_SECRET_ACCESS_KEY is empty",
    ):  # fmt: skip
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "endpoint", ["store:8333", "https://", "ftp://store", "https://store:x", "https://u:p@store"]
)
def test_an_endpoint_is_an_address_alone(tmp_path: Path, endpoint: str):
    with pytest.raises(SettingsError, match="COPYSTAND_S3_ENDPOINT"):
        settings(tmp_path, COPYSTAND_STORE="s3://masters", COPYSTAND_S3_ENDPOINT=endpoint, **KEYS)


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [
        ("http://127.0.0.1:8333", {}),
        ("http://localhost:8333", {}),
        ("http://[::1]:8333", {}),
        ("http://seaweedfs:8333", {"COPYSTAND_S3_ALLOW_HTTP": "1"}),
    ],
)
def test_plain_http_is_for_this_machine_or_permitted(
    tmp_path: Path, endpoint: str, more: dict[str, str]
):
    store = {"COPYSTAND_STORE": "s3://masters", "COPYSTAND_S3_ENDPOINT": endpoint}

    assert settings(tmp_path, **store, **more, **KEYS).s3 is not None


def test_a_home_keeps_its_store(tmp_path: Path):
    open_storage(settings(tmp_path))

    with pytest.raises(SettingsError, match="are on local disk, but COPYSTAND_STORE says s3://m"):
        open_storage(settings(tmp_path, COPYSTAND_STORE="s3://masters", **KEYS))
    assert isinstance(open_storage(settings(tmp_path)), LocalStorage)


def test_a_home_from_before_stores_were_noted_has_its_objects_on_disk(tmp_path: Path):
    (tmp_path / "receipts").mkdir()

    with pytest.raises(SettingsError, match="are on local disk"):
        open_storage(settings(tmp_path, COPYSTAND_STORE="s3://masters", **KEYS))
