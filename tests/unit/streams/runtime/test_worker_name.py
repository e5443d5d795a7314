"""The pseudonym of a role on a machine."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streams.runtime.worker_name import KEY_FILE, worker_name
from streams.settings import Settings


def settings_of(home: Path, machine: str = "scan-room-2.example.org") -> Settings:
    return Settings.load({"COPYSTAND_HOME": str(home), "COPYSTAND_WORKER_ID": machine})


def test_is_the_same_after_a_restart(tmp_path: Path):
    first = worker_name(settings_of(tmp_path), "worker")

    assert worker_name(settings_of(tmp_path), "worker") == first
    assert re.fullmatch(r"worker-[0-9a-f]{8}", first)


def test_differs_by_role_machine_and_home(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"

    names = [
        worker_name(settings_of(here), "worker"),
        worker_name(settings_of(here), "tracker"),
        worker_name(settings_of(here, "scan-room-3.example.org"), "worker"),
        worker_name(settings_of(there), "worker"),
    ]

    assert len(set(names)) == 4


def test_comes_from_a_random_key_so_that_guessed_machine_names_prove_nothing(tmp_path: Path):
    settings = settings_of(tmp_path)
    before = worker_name(settings, "worker")
    (settings.run / KEY_FILE).unlink()

    assert worker_name(settings, "worker") != before


def test_roles_that_start_side_by_side_agree_on_one_key(tmp_path: Path):
    with ThreadPoolExecutor(8) as threads:
        names = set(threads.map(lambda _: worker_name(settings_of(tmp_path), "worker"), range(64)))

    assert len(names) == 1
    assert [file.name for file in (tmp_path / "run").iterdir()] == [KEY_FILE]
