"""Each small file of a home that lost its content is made again, or named with what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra import ports, postgres
from streams.monitoring.status import watchdog_report
from streams.runtime.worker_name import worker_name
from streams.settings import NotUp, Settings
from streams.storage.factory import open_storage
from streams.supervisor.state import read_state, supervisor_pid
from streams.worker.memory_stats import read_stats

Reader = Callable[[Settings], object]


def a_home(folder: Path) -> Settings:
    """The settings of a home that a line has used."""
    settings = Settings.load({"COPYSTAND_HOME": str(folder)})
    (settings.run / "roles").mkdir(parents=True)
    ports.choose(folder)
    for role in (postgres.SUPERUSER, *postgres.LOGINS):
        postgres.make_password(folder, role)
    worker_name(settings, "worker")
    open_storage(settings)
    return settings


MADE_AGAIN: dict[str, Reader] = {
    "run/ports.json": lambda home: ports.choose(home.home),
    "run/supervisor.json": lambda home: read_state(home.home) == {},
    "run/supervisor.lock": lambda home: supervisor_pid(home.home) is None,
    "run/watch.json": lambda home: watchdog_report(home) is None,
    "run/store": open_storage,
    "run/worker.key": lambda home: worker_name(home, "worker"),
    "run/memory/w.json": lambda home: read_stats(home.run) == [],
    **{
        f"run/{postgres.password_file(Path(), role).name}": lambda home, role=role: (
            postgres.make_password(home.home, role)
        )
        for role in (postgres.SUPERUSER, *postgres.LOGINS)
    },
}
LASTING = ("run/ports.json", "run/store", "run/worker.key", "run/postgres.tracker.password")
"""Files that the reader writes again at once; a running line writes the others."""


@pytest.mark.parametrize("content", [b"", bytes(4096), b'{"kaf'], ids=["empty", "zeros", "torn"])
@pytest.mark.parametrize("name", MADE_AGAIN)
def test_a_start_makes_a_file_again(tmp_path: Path, name: str, content: bytes):
    if content.strip(b"\0") and not name.endswith(".json"):
        return  # only JSON shows that it is torn; the others are written in one piece
    settings = a_home(tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)

    assert MADE_AGAIN[name](settings)

    if name in LASTING and not content.strip(b"\0"):
        assert file.read_bytes().strip(b"\0\n")


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("run/ports.json", lambda home: home.dsn("tracker")),
        ("run/postgres.tracker.password", lambda home: home.dsn("tracker")),
    ],
)
def test_a_command_names_what_it_cannot_read(tmp_path: Path, name: str, reader: Reader):
    settings = a_home(tmp_path)
    (tmp_path / name).write_bytes(b"")

    with pytest.raises(NotUp, match="run: copystand up"):
        reader(settings)


def test_a_password_is_not_empty_and_lasts(tmp_path: Path):
    (tmp_path / "run").mkdir()
    postgres.password_file(tmp_path, "tracker").write_bytes(b"")

    made = postgres.make_password(tmp_path, "tracker")

    assert len(made) > 20
    assert postgres.make_password(tmp_path, "tracker") == made
