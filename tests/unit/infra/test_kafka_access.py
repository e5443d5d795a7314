"""Logins of a home: made once, readable by their owner, and never in a representation."""

from pathlib import Path

import pytest

from infra.kafka_access import Brokers, Login, is_open, login_file, make_login, read_login
from streams.settings import NotUp, Settings


def test_a_login_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    made = make_login(tmp_path, "tracker")

    assert make_login(tmp_path, "tracker") == made
    assert made.mechanism == "SCRAM-SHA-512"
    assert login_file(tmp_path, "tracker").stat().st_mode & 0o777 == 0o600
    assert made.password not in repr(made)


def test_the_owners_of_a_cluster_use_plain(tmp_path: Path):
    assert {make_login(tmp_path, name).mechanism for name in ("broker", "admin")} == {"PLAIN"}


def test_an_empty_login_file_is_made_again(tmp_path: Path):
    login_file(tmp_path, "tracker").parent.mkdir()
    login_file(tmp_path, "tracker").write_text("")

    assert make_login(tmp_path, "tracker") == read_login(login_file(tmp_path, "tracker"))


def test_a_client_uses_tls_if_it_has_a_certificate_authority():
    login = Login("station", "secret")

    plain, encrypted = Brokers("a:1", login).client, Brokers("a:1", login, Path("/ca")).client

    assert plain["security.protocol"] == "SASL_PLAINTEXT"
    assert encrypted["security.protocol"] == "SASL_SSL"
    assert encrypted["ssl.ca.location"] == "/ca"
    assert Brokers("a:1").client == {"bootstrap.servers": "a:1"}


def test_a_process_uses_the_login_that_a_setting_names(tmp_path: Path):
    make_login(tmp_path, "worker")
    found = Settings.load(
        {
            "COPYSTAND_HOME": str(tmp_path / "other"),
            "KAFKA_BROKERS": "line.example.org:9092",
            "COPYSTAND_KAFKA_CREDENTIALS": str(login_file(tmp_path, "worker")),
        }
    ).kafka_as("worker")

    assert found.login == read_login(login_file(tmp_path, "worker"))


def test_a_login_that_a_setting_names_must_exist(tmp_path: Path):
    settings = Settings.load(
        {
            "COPYSTAND_HOME": str(tmp_path),
            "KAFKA_BROKERS": "line.example.org:9092",
            "COPYSTAND_KAFKA_CREDENTIALS": str(tmp_path / "missing.json"),
        }
    )

    with pytest.raises(NotUp, match=r"missing\.json is missing"):
        settings.kafka_as("worker")


def test_a_home_of_an_older_version_is_open_until_its_first_start(tmp_path: Path):
    assert not is_open(tmp_path)
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("")
    assert is_open(tmp_path)

    make_login(tmp_path, "broker")

    assert not is_open(tmp_path)
