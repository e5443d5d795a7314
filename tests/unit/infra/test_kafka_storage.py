"""The data folder of a broker is formatted completely or not at all, and emptied files are made again."""

from pathlib import Path

import pytest

from infra.files import DamagedFile
from infra.kafka_cluster import cluster_of
from infra.kafka_storage import cluster_id_of, prepare_storage

META = "#\nnode.id=1\nversion=1\ncluster.id=AAAA\ndirectory.id=BBBB\n"


class Formatter:
    """Writes what kafka-storage writes; counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, data: Path) -> None:
        """Format this folder."""
        self.calls += 1
        data.mkdir()
        (data / "meta.properties").write_text(META)
        (data / "bootstrap.checkpoint").write_bytes(b"versions")


def a_broker(home: Path) -> Path:
    """A broker's folder, formatted and with records in its metadata log."""
    folder = home / "kafka"
    folder.mkdir()
    prepare_storage(folder, Formatter(), alone=True)
    log = folder / "data" / "__cluster_metadata-0"
    log.mkdir()
    (log / "00000000000000000000.log").write_bytes(b"topics")
    (log / "quorum-state").write_text("{}")
    return folder


def test_a_first_start_formats_and_a_second_does_not(tmp_path: Path):
    format_into = Formatter()
    (tmp_path / "data.new").mkdir()  # an interrupted format left it

    prepare_storage(tmp_path, format_into, alone=True)
    prepare_storage(tmp_path, format_into, alone=True)

    assert format_into.calls == 1
    assert (tmp_path / "data" / "meta.properties").read_text() == META
    assert not (tmp_path / "data.new").exists()


@pytest.mark.parametrize("name", ["meta.properties", "bootstrap.checkpoint"])
@pytest.mark.parametrize("content", [b"", bytes(4096), None], ids=["empty", "zeros", "missing"])
def test_a_file_that_lost_its_content_gets_it_again_and_no_record_is_lost(
    tmp_path: Path, name: str, content: bytes | None
):
    folder = a_broker(tmp_path)
    file = folder / "data" / name
    before = file.read_bytes()
    file.unlink() if content is None else file.write_bytes(content)

    prepare_storage(folder, Formatter(), alone=True)

    log = folder / "data" / "__cluster_metadata-0" / "00000000000000000000.log"
    assert file.read_bytes() == before
    assert log.read_bytes() == b"topics"


def test_the_copy_of_the_identity_is_made_again(tmp_path: Path):
    folder = a_broker(tmp_path)
    (folder / "meta.properties").write_bytes(b"")

    prepare_storage(folder, Formatter(), alone=True)

    assert (folder / "meta.properties").read_text() == META


def test_data_without_an_identity_are_never_formatted(tmp_path: Path):
    folder = a_broker(tmp_path)
    for file in (folder / "data" / "meta.properties", folder / "meta.properties"):
        file.write_bytes(b"")

    with pytest.raises(RuntimeError, match=r"data/meta\.properties is empty .* Restore this file"):
        prepare_storage(folder, Formatter(), alone=True)

    assert (folder / "data" / "__cluster_metadata-0" / "00000000000000000000.log").stat().st_size


def test_a_single_voter_forgets_an_empty_vote_and_one_of_three_does_not(tmp_path: Path):
    folder = a_broker(tmp_path)
    state = folder / "data" / "__cluster_metadata-0" / "quorum-state"
    state.write_bytes(b"")

    with pytest.raises(RuntimeError, match="quorum-state is empty"):
        prepare_storage(folder, Formatter(), alone=False)
    prepare_storage(folder, Formatter(), alone=True)

    assert not state.exists()


def test_the_cluster_of_a_home_is_derived_from_its_brokers(tmp_path: Path):
    folder = a_broker(tmp_path)
    (folder / "cluster.json").write_bytes(b"")

    assert cluster_of(tmp_path).id == "AAAA" == cluster_id_of(folder)
    assert cluster_of(tmp_path).brokers == 1
    assert (folder / "cluster.json").stat().st_size


def test_a_cluster_that_cannot_be_derived_is_named(tmp_path: Path):
    folder = a_broker(tmp_path)
    for name in ("cluster.json", "meta.properties", "data/meta.properties"):
        (folder / name).write_bytes(b"")

    with pytest.raises(DamagedFile, match=r"cluster\.json is empty .* Restore one of these files"):
        cluster_of(tmp_path)
