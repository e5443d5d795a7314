"""The settings file keeps what a person wrote, and replaces what an earlier run wrote."""

from pathlib import Path

from streams.settings import Settings
from streams.settings_file import file_lines, settings_file
from streams.tuning.advice import Advice
from streams.tuning.grades import Grades, former_grades
from streams.tuning.tuned_file import read_tuned, write_tuned

GRADES = Grades(1, 1500, 8, 40, 2)
POOL = Advice("WORK_POOL_SIZE", "1", "1 core may be used")
HEAP = Advice("COPYSTAND_KAFKA_HEAP_MB", "192", "1500 MB of memory")


def text_of(home: Path) -> str:
    return settings_file(home).read_text()


def test_each_setting_is_below_its_reason_and_is_read(tmp_path: Path):
    write_tuned(tmp_path / "new", GRADES, [POOL, HEAP])

    assert text_of(tmp_path / "new") == (
        f"{GRADES.line()}\n\n"
        "# tuned: 1 core may be used\nWORK_POOL_SIZE=1\n\n"
        "# tuned: 1500 MB of memory\nCOPYSTAND_KAFKA_HEAP_MB=192\n"
    )
    found = Settings.load({"COPYSTAND_HOME": str(tmp_path / "new")})
    assert (found.pool_size, found.kafka_heap_mb) == (1, 192)
    assert former_grades(file_lines(tmp_path / "new"))["disk_mb_per_second"] == 8


def test_a_second_run_writes_the_same_bytes(tmp_path: Path):
    settings_file(tmp_path).write_text("# ours\n\nCOPYSTAND_IMAGES_MB=300\n")
    write_tuned(tmp_path, GRADES, [POOL, HEAP])
    first = text_of(tmp_path)

    write_tuned(tmp_path, GRADES, [POOL, HEAP])

    assert text_of(tmp_path) == first


def test_what_a_person_has_set_stays_and_precedes(tmp_path: Path):
    settings_file(tmp_path).write_text("# we scan at night\nWORK_POOL_SIZE=3\n")

    write_tuned(tmp_path, GRADES, [POOL, HEAP])

    assert text_of(tmp_path).startswith("# we scan at night\nWORK_POOL_SIZE=3\n\n")
    assert read_tuned(tmp_path).own_names == {"WORK_POOL_SIZE"}
    assert read_tuned(tmp_path).tuned == {"COPYSTAND_KAFKA_HEAP_MB": "192"}


def test_advice_that_is_no_longer_given_is_removed(tmp_path: Path):
    write_tuned(tmp_path, GRADES, [POOL, HEAP])

    write_tuned(tmp_path, GRADES, [POOL])

    assert "COPYSTAND_KAFKA_HEAP_MB" not in text_of(tmp_path)


def test_a_line_whose_comment_a_person_removed_is_theirs(tmp_path: Path):
    write_tuned(tmp_path, GRADES, [POOL])
    settings_file(tmp_path).write_text(
        text_of(tmp_path).replace("# tuned: 1 core may be used\n", "")
    )

    write_tuned(tmp_path, GRADES, [POOL, HEAP])

    assert read_tuned(tmp_path).own_names == {"WORK_POOL_SIZE"}
