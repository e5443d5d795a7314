"""The archive of Kafka's classes is used only by the JVM and with the jars it was created for."""

import os
import subprocess
from pathlib import Path

import pytest

from infra import paths
from infra.class_archive import archive_of, creation_of, use_of


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of jars, an installation of Java and an empty cache."""
    java = tmp_path / "java"
    for name in ("java/bin/java", "java/lib/server/libjvm.so", "jars/a.jar", "jars/b.jar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("JAVA_HOME", str(java))
    monkeypatch.setenv("COPYSTAND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "jars"


def test_without_an_archive_a_jvm_has_no_options_for_it(jars: Path):
    assert use_of(jars) == ()


def test_an_archive_of_these_files_is_used(jars: Path):
    archive = archive_of(jars)
    archive.parent.mkdir(parents=True)
    archive.touch()

    assert f"-XX:SharedArchiveFile={archive}" in use_of(jars)
    assert "-Xshare:auto" in use_of(jars)


@pytest.mark.parametrize("changed", ["jars/a.jar", "java/lib/server/libjvm.so", "java/bin/java"])
def test_another_file_of_java_or_kafka_needs_another_archive(jars: Path, changed: str):
    before = archive_of(jars)

    os.utime(jars.parent / changed, (1, 1))

    assert archive_of(jars) != before


def test_a_missing_or_additional_jar_needs_another_archive(jars: Path):
    before = archive_of(jars)
    (jars / "c.jar").touch()
    more = archive_of(jars)
    (jars / "c.jar").unlink()
    (jars / "a.jar").unlink()

    assert len({before, more, archive_of(jars)}) == 3


def test_without_java_no_archive_is_used(jars: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "")

    assert use_of(jars) == ()


@pytest.mark.parametrize("content", [b"", b"not an archive" * 1000])
def test_a_damaged_archive_neither_stops_java_nor_adds_to_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    monkeypatch.setenv("COPYSTAND_CACHE", str(tmp_path / "cache"))
    jars = tmp_path / "jars"
    archive_of(jars).parent.mkdir(parents=True)
    archive_of(jars).write_bytes(content)

    done = subprocess.run(
        [paths.java_binary(), *use_of(jars), "--version"], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("openjdk")


def test_the_file_to_create_is_named_once(tmp_path: Path):
    options = creation_of(tmp_path / "new.jsa")

    assert [one for one in options if "new.jsa" in one] == [
        f"-XX:ArchiveClassesAtExit={tmp_path / 'new.jsa'}"
    ]
