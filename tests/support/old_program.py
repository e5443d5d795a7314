"""The program of version 0.1.0, taken from the history of this repository."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from infra import paths
from tests.support.running_line import Line

COMMIT, VERSION = "083590e", "0.1.0"
PACKAGES = ("schemas", "processors", "streams", "infra", "docs")
NO_HISTORY = f"commit {COMMIT} is not in this clone; run: git fetch --unshallow"


def old_line(home: Path, source: Path, **environment: str) -> Line:
    """A line of that version that does not run yet; source is where its program is written."""
    source.mkdir()
    command = ["git", "archive", "--format=tar", COMMIT, *PACKAGES]
    archive = subprocess.run(command, cwd=paths.CHECKOUT, capture_output=True)
    if archive.returncode:
        pytest.fail(f"{NO_HISTORY}\n{archive.stderr.decode()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(source, filter="data")
    # Facts hold the version that Python's package metadata states.
    metadata = source / f"copystand-{VERSION}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: copystand\nVersion: {VERSION}\n")
    return Line(
        home,
        [sys.executable, "-m", "streams.cli"],
        PYTHONPATH=str(source),
        # Without it the folder that the tests run in comes first.
        PYTHONSAFEPATH="1",
        COPYSTAND_CACHE=str(paths.cache_folder()),
        **environment,
    )
