"""The class archive is created completely or not at all, and replaces archives of other files."""

from pathlib import Path

import pytest

from infra import create_class_archive
from infra.class_archive import archive_of, use_of
from infra.create_class_archive import create
from infra.kafka import LocalKafka


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a jar, and a cache with the archive of another version."""
    monkeypatch.setenv("COPYSTAND_CACHE", str(tmp_path / "cache"))
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "a.jar").touch()
    archive_of(tmp_path / "jars").parent.mkdir(parents=True)
    outdated(tmp_path / "jars").write_bytes(b"another version")
    return tmp_path / "jars"


def outdated(jars: Path) -> Path:
    return archive_of(jars).with_name("outdated.jsa")


def ended(broker: LocalKafka) -> None:
    """What a JVM does that archives its classes."""
    (option,) = (one for one in broker.jvm if one.startswith("-XX:ArchiveClassesAtExit="))
    Path(option.partition("=")[2]).write_bytes(b"classes")


def test_a_new_archive_replaces_those_of_other_files(jars: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(create_class_archive, "_run_broker", ended)

    archive = create(jars)

    assert (archive, archive.read_bytes()) == (archive_of(jars), b"classes")
    assert list(archive.parent.iterdir()) == [archive]
    assert any(str(archive) in option for option in use_of(jars))


def test_without_a_new_archive_nothing_changes(jars: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(create_class_archive, "_run_broker", lambda broker: None)

    with pytest.raises(RuntimeError, match="wrote no archive"):
        create(jars)

    assert list(outdated(jars).parent.iterdir()) == [outdated(jars)]
    assert use_of(jars) == ()
