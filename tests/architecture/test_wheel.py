"""The wheel holds our four packages and what they need at run time, and nothing else."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return archive.namelist()


def test_holds_just_our_packages(names: list[str]):
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}

    assert tops == {"schemas", "processors", "streams", "infra"}


@pytest.mark.parametrize(
    "needed",
    [
        "schemas/avro/head.avsc",
        "schemas/registered/0001.BatchSubmitted.avsc",
        "processors/imaging/formats.toml",
        "processors/ocr/bin/tesseract",
        "processors/profiles/as-delivered.toml",
        "infra/migrations/0001_line.sql",
        "infra/kafka.sha256",
        "processors/errors/manifest.toml",
        "streams/tracker/queries.sql",
        "processors/enrich/weights/writing.npz",
        "processors/enrich/weights/figure.npz",
    ],
)
def test_holds_what_is_needed_at_run_time(names: list[str], needed: str):
    assert needed in names


def test_holds_every_sql_file(names: list[str]):
    files = {str(path) for path in (*Path("streams").rglob("*.sql"), *Path("infra").rglob("*.sql"))}

    assert files - set(names) == set()


def test_holds_no_leftovers(names: list[str]):
    assert [name for name in names if "__pycache__" in name or name.endswith(".orig")] == []
