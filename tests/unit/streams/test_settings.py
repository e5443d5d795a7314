"""The environment is read once, checked as a whole, and every mistake is reported at once."""

import json
import pickle
from pathlib import Path

import pytest

from streams.machine import cores, most_memory_mb
from streams.settings import NotUp, Settings, SettingsError, deprecated
from streams.signatures import key_document, key_file, new_key


def mistakes_in(**environment: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.load(environment)
    return str(refused.value).split("; ")


def test_an_empty_environment_gives_the_defaults():
    found = Settings.load({})

    assert found.home == Path("var").absolute()
    assert (found.pool_size, found.child_mb) == (cores(), most_memory_mb())
    assert (found.session_timeout_seconds, found.liveness_timeout_seconds) == (45, 120)
    assert (found.night, found.s3, found.broker_count, found.client_ports) == (None, None, None, {})


def test_an_empty_variable_counts_as_unset():
    assert Settings.load({"WORK_POOL_SIZE": "", "COPYSTAND_HOME": ""}) == Settings.load({})


def test_the_constructor_reads_no_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COPYSTAND_RECYCLE_MB", "700")

    assert Settings(home=Path("/srv/line")).recycle_mb == 600
    assert Settings.load().recycle_mb == 700


def test_every_mistake_is_reported_at_once_with_the_name_the_rule_and_the_value():
    assert mistakes_in(
        WORK_POOL_SIZE="0",
        COPYSTAND_RETRY_SCALE="fast",
        COPYSTAND_CHILD_MB="nan",
        COPYSTAND_BROKERS="2",
        COPYSTAND_CLIENT_PORTS="kafka",
    ) == [
        "COPYSTAND_BROKERS must be 1 or 3, got '2'",
        "COPYSTAND_CLIENT_PORTS must be like kafka=20001,postgres=20002, got 'kafka'",
        "WORK_POOL_SIZE must be 1 or more, got '0'",
        "COPYSTAND_RETRY_SCALE must be 0 or more, got 'fast'",
        "COPYSTAND_CHILD_MB must be 256 or more, got 'nan'",
    ]


def test_ports_of_a_proxy_are_given_by_name():
    found = Settings.load({"COPYSTAND_CLIENT_PORTS": "kafka=19001,kafka-2=19002"})

    assert found.client_ports == {"kafka": 19001, "kafka-2": 19002}


@pytest.mark.parametrize(
    ("old", "new", "attribute"),
    [
        ("COPYSTAND_SILENCE_SECONDS", "COPYSTAND_SESSION_TIMEOUT", "session_timeout_seconds"),
        ("COPYSTAND_STALLED_SECONDS", "COPYSTAND_LIVENESS_TIMEOUT", "liveness_timeout_seconds"),
    ],
)
def test_an_old_name_is_read_and_reported(old: str, new: str, attribute: str):
    environment = {old: "30"}

    assert getattr(Settings.load(environment), attribute) == 30
    assert deprecated(environment) == {old: new}
    assert mistakes_in(**{old: "1"})[0].startswith(f"{old} must be ")


def test_old_and_new_name_may_agree_and_must_not_differ():
    agreeing = {"COPYSTAND_SILENCE_SECONDS": "30", "COPYSTAND_SESSION_TIMEOUT": "30"}

    assert Settings.load(agreeing).session_timeout_seconds == 30
    assert mistakes_in(**agreeing | {"COPYSTAND_SESSION_TIMEOUT": "40"})[0] == (
        "COPYSTAND_SILENCE_SECONDS is the old name of COPYSTAND_SESSION_TIMEOUT,"
        " and the two differ: '30', '40'"
    )


def test_settings_reach_a_child_process_unchanged():
    sent = Settings.load({"COPYSTAND_NIGHT": "20:00-06:00", "COPYSTAND_HOME": "/srv/line"})

    assert pickle.loads(pickle.dumps(sent)) == sent


def test_a_command_signs_with_the_key_of_the_home_or_of_the_credential_file(tmp_path: Path):
    own, given = new_key("station"), new_key("station-lab")
    for key, file in ((own, key_file(tmp_path, "station")), (given, tmp_path / "lab.json")):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"user": key.sender, **key_document(key)}))
    home = {"COPYSTAND_HOME": str(tmp_path)}
    elsewhere = home | {"COPYSTAND_KAFKA_CREDENTIALS": str(tmp_path / "lab.json")}

    assert Settings.load(home).signing_key("station") == own
    assert Settings.load(elsewhere).signing_key("station") == given


def test_a_missing_key_is_named_with_what_to_do(tmp_path: Path):
    (tmp_path / "lab.json").write_text('{"user": "station-lab", "password": "x"}')
    home = {"COPYSTAND_HOME": str(tmp_path)}
    elsewhere = home | {"COPYSTAND_KAFKA_CREDENTIALS": str(tmp_path / "lab.json")}

    with pytest.raises(NotUp, match=r"sender\.station\.json is missing; run: copystand up"):
        Settings.load(home).signing_key("station")
    with pytest.raises(NotUp, match=r"lab\.json has no signing key.*copystand station add NAME"):
        Settings.load(elsewhere).signing_key("station")


def test_a_credential_file_without_a_login_is_for_a_cluster_without_access_control(tmp_path: Path):
    key = new_key("station-lab")
    file = tmp_path / "lab.json"
    file.write_text(json.dumps({"user": key.sender, **key_document(key)}))
    environment = {"COPYSTAND_KAFKA_CREDENTIALS": str(file), "KAFKA_BROKERS": "there:9092"}

    found = Settings.load(environment | {"COPYSTAND_HOME": str(tmp_path)}).kafka_as("station")

    assert (found.servers, found.login) == ("there:9092", None)


def test_a_station_of_its_own_has_its_own_profiles(tmp_path: Path):
    own = Settings.load({"COPYSTAND_STATION": str(tmp_path)})
    of_line = Settings.load({"COPYSTAND_HOME": str(tmp_path / "home")})

    assert own.station_profiles == tmp_path / "profiles"
    assert of_line.station_profiles == tmp_path / "home" / "profiles"


@pytest.mark.parametrize("wrong", ["line.example.org", "ftp://line", "https://", "https://h/?x=1"])
def test_an_upload_address_is_one_of_http(wrong: str):
    with pytest.raises(SettingsError, match="COPYSTAND_UPLOAD_URL must be an address with http"):
        Settings.load({"COPYSTAND_UPLOAD_URL": wrong})
