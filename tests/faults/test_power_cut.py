"""The power of a running line is cut: it comes back by itself, and what was acknowledged is there.

`make powercut` cuts it 50 times; see docs/reliability.md. Here it is cut twice. After the first cut every
small file that can be derived is empty as well, as an older version left some of them. After the second
half of each topic is lost, as with a broker that does not flush."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.power_cut.images import FOLDER
from tests.faults.power_cut.run import PARTS, Cutting, Moment, Survey, drawn
from tests.support.log_segments import truncate

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

DERIVED = (
    *("run/ports.json", "run/supervisor.json", "run/supervisor.lock", "run/provisioned"),
    *("run/watch.json", "run/worker.key", "run/store", "run/postgres*.password"),
    *("run/roles/*", "kafka/cluster.json", "kafka/server.properties", "kafka/data/meta.properties"),
    *("kafka/data/bootstrap.checkpoint", "kafka/data/*-checkpoint", "kafka/metadata.head"),
    *("kafka/data/__cluster_metadata-0/quorum-state", "audit/index.db"),
    "audit/planned.json",
)
"""Not kafka/meta.properties: of its two copies one is needed."""


def empty_small_files(home: Path) -> None:
    """Take the content of each file that a start must be able to do without."""
    for log in home.glob("audit/index.db-*"):
        log.unlink()
    for pattern in DERIVED:
        found = list(home.glob(pattern))
        assert found, f"{pattern} is not there"
        for file in found:
            file.write_bytes(b"")


LOST = (
    *("batch.received", "batch.accepted", "item.registered", "page.admitted", "page.acquired"),
    *("page.derived", "page.described", "page.recognized", "item.completed", "package.published"),
    *("audit.intake", "audit.premis"),
)
"""Topics that the line itself writes; what external clients wrote nobody could send again."""


def lose_ends_of_topics(home: Path) -> None:
    """Half of each topic is lost, though the database and the groups have read it."""
    data = home / "kafka" / "data"

    lost = {topic: truncate(data, f"digitization.{topic}.v1", 0.5) for topic in LOST}

    assert sum(lost.values()) > 20, lost
    assert lost["page.admitted"] and lost["page.acquired"] and lost["audit.premis"], lost


def test_a_line_comes_back_after_power_cuts_with_empty_small_files_and_without_half_of_each_topic():
    survey = Survey(seed=14)

    with TemporaryDirectory(prefix="power-cut-", dir=FOLDER) as folder:
        cutting = Cutting(Path(folder), survey, "test")
        damages = {1: empty_small_files, 2: lose_ends_of_topics}
        # The last damage is found after the last cut, which would take the logs with it.
        cutting.run([Moment("work", 37), Moment("submission", 5)], damages)
        logs = {log.stem: log.read_text() for log in (Path(folder) / "log").glob("*.log")}

    assert survey.verdict.all() == []
    assert survey.back == survey.cuts.total() == 2
    assert "topic lost records" in logs["supervisor"]
    assert "the audit log lost events, so it is projected again" in logs["supervisor"]


def test_the_moments_are_drawn_from_the_seed_by_events():
    moments = drawn(50, seed=1)

    assert moments == drawn(50, seed=1) != drawn(50, seed=2)
    assert {moment.kind for moment in moments} == {"work", "submission", "start"}
    assert all(moment.events < PARTS for moment in moments if moment.kind == "start")
