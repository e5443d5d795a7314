"""The limits of the lanes follow the settings file while a worker runs."""

from pathlib import Path

from streams.lane_limits import read_limits
from streams.settings import Settings
from streams.settings_file import settings_file
from streams.worker.lane_settings import LaneSettings, LaneSettingsReader


def a_reader(home: Path, **environment: str) -> LaneSettingsReader:
    return LaneSettingsReader(
        Settings.load({"COPYSTAND_HOME": str(home), **environment}), environment
    )


def limits(text: str) -> LaneSettings:
    return LaneSettings(read_limits(text))


def test_the_limits_are_given_once_and_after_each_change(tmp_path: Path):
    reader = a_reader(tmp_path)
    given = [reader(), reader()]

    settings_file(tmp_path).write_text("COPYSTAND_LANE_LIMITS=text=5/min\n")
    given += [reader(), reader()]
    settings_file(tmp_path).unlink()
    given.append(reader())

    assert given == [LaneSettings(), None, limits("text=5/min"), None, LaneSettings()]


def test_a_wrong_file_changes_nothing_until_it_is_corrected(tmp_path: Path):
    settings_file(tmp_path).write_text("COPYSTAND_LANE_LIMITS=text=5/min\n")
    reader = a_reader(tmp_path)
    given = [reader()]

    settings_file(tmp_path).write_text("COPYSTAND_LANE_LIMITS=text=fast\n")
    given.append(reader())
    settings_file(tmp_path).write_text("COPYSTAND_LANE_LIMITS=text=50/min\n")
    given.append(reader())

    assert given == [limits("text=5/min"), None, limits("text=50/min")]


def test_a_change_of_other_settings_is_not_one_of_the_lanes(tmp_path: Path):
    reader = a_reader(tmp_path)
    reader()

    settings_file(tmp_path).write_text("WORK_POOL_SIZE=7\n")

    assert reader() is None


def test_limits_of_the_environment_stay(tmp_path: Path):
    reader = a_reader(tmp_path, COPYSTAND_LANE_LIMITS="text=5/min")
    first = reader()

    settings_file(tmp_path).write_text("COPYSTAND_LANE_LIMITS=text=50/min\n")

    assert (first, reader()) == (limits("text=5/min"), None)
