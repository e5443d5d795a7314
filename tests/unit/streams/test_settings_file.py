"""The settings file of a home sets what fits a line to its machine; the environment precedes."""

from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError
from streams.settings_file import settings_file


def load(home: Path, text: str, **environment: str) -> Settings:
    settings_file(home).write_text(text)
    return Settings.load({"COPYSTAND_HOME": str(home), **environment})


def mistakes_in(home: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(home, text, **environment)
    return str(refused.value).split("; ")


def test_a_file_sets_variables_between_comments_and_empty_lines(tmp_path: Path):
    found = load(tmp_path, "# two cores\nWORK_POOL_SIZE=2\n\n COPYSTAND_KAFKA_HEAP_MB = 192 \n")

    assert (found.pool_size, found.kafka_heap_mb, found.postgres_buffers_mb) == (2, 192, 256)


def test_the_environment_precedes_the_file(tmp_path: Path):
    text = "WORK_POOL_SIZE=2\nCOPYSTAND_LIVENESS_TIMEOUT=300\n"

    found = load(tmp_path, text, WORK_POOL_SIZE="5", COPYSTAND_STALLED_SECONDS="200")

    assert (found.pool_size, found.liveness_timeout_seconds) == (5, 200)


def test_an_empty_variable_does_not_precede(tmp_path: Path):
    assert load(tmp_path, "WORK_POOL_SIZE=2\n", WORK_POOL_SIZE="").pool_size == 2


def test_every_mistake_is_reported_with_the_file(tmp_path: Path):
    text = "WORK_POOL_SIZE=0\nrubbish\nCOPYSTAND_HOME=/srv\nCOPYSTAND_IMAGES_MB=5\nCOPYSTAND_IMAGES_MB=6\n"
    file = settings_file(tmp_path)

    assert mistakes_in(tmp_path, text, COPYSTAND_RETRY_SCALE="fast") == [
        f"{file} line 2: 'rubbish' is not NAME=value",
        f"{file} line 3: COPYSTAND_HOME cannot be set in this file, only in the environment",
        f"{file} line 5: COPYSTAND_IMAGES_MB is set a second time, remove one of the lines",
        f"WORK_POOL_SIZE in {file} must be 1 or more, got '0'",
        "COPYSTAND_RETRY_SCALE must be 0 or more, got 'fast'",
    ]


def test_a_home_without_the_file_has_the_defaults(tmp_path: Path):
    found = Settings.load({"COPYSTAND_HOME": str(tmp_path)})

    assert (found.kafka_heap_mb, found.lane_limits, found.lane_processes) == (512, {}, {})
