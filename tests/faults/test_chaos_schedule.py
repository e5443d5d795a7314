"""What the fault suite draws from a seed, and what its ledger keeps."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from infra import ports
from infra.kafka_cluster import WrongBrokers, cluster_id, cluster_of
from tests.faults.chaos import ledger, material
from tests.faults.chaos.schedule import kinds, schedule
from tests.faults.chaos.verdict import Calm, Verdict, judge_digests, judge_packages


def test_a_seed_gives_the_same_schedule_and_another_seed_another():
    first, again, other = (schedule(seed, 120, 3, as_root=True) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_every_kind_comes_before_any_comes_again_and_all_end_in_time():
    table = kinds(as_root=True)

    faults = schedule(5, 400, 3, as_root=True)

    counted = Counter(fault.kind for fault in faults[: 2 * len(table)])
    assert set(counted.values()) == {2}
    assert set(counted) == set(table)
    assert max(fault.at + fault.lasts for fault in faults) <= 400


def test_with_one_disk_that_of_everything_is_full_by_bytes_and_by_inodes():
    faults = schedule(5, 4000, 3, as_root=True, one_disk=True)

    full = [fault for fault in faults if fault.kind == "everything-full"]
    assert {fault.measures["of"] for fault in full} == {"bytes", "inodes"}
    assert "disk-full" not in {fault.kind for fault in faults}


def test_a_batch_is_the_same_each_time_and_says_what_must_become_of_it(tmp_path: Path):
    once, again = (material.make(tmp_path / name, 3, 2) for name in "ab")

    files = [sorted(one.folder.rglob("*.tif")) for one in (once, again)]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert len({path.read_bytes() for path in files[0]}) == once.pages == 30
    assert sorted(once.faulty.values()) == [material.FIXITY, material.UNDECODABLE]
    assert once.packaged == 20


def test_a_batch_for_the_spool_has_no_file_that_is_damaged_in_staging(tmp_path: Path):
    batch = material.make(tmp_path, 3, 1, flips=False)

    assert (batch.flipped, batch.faulty, batch.packaged) == ((), {}, 30)


def test_a_later_version_is_of_an_intact_item_and_one_that_adds_pages_has_the_earlier_ones_too(
    tmp_path: Path,
):
    batch = material.make(tmp_path, 3, 2)

    replacing = material.make_version(tmp_path, batch, material.REPLACES)
    adding = material.make_version(tmp_path, batch, material.SUPPLEMENTS)

    found = [
        json.loads(next(one.folder.glob("*/item.json")).read_text()) for one in (replacing, adding)
    ]
    intact = material.intact_items(batch)
    assert len(intact) == 4
    assert found[0] == {"item_id": intact[0], "replaces": intact[0]}
    assert found[1] == {"item_id": intact[1], "supplements": intact[1]}
    assert (replacing.pages, replacing.again, adding.pages) == (2, (), 7)
    assert {path.parent.name for path in adding.again} == {intact[1].rpartition(".")[2]}


def a_package(package_id: str, batch_id: str, content_digest: str = "a") -> dict[str, str]:
    return {"package_id": package_id, "batch_id": batch_id, "content_digest": content_digest}


@pytest.mark.parametrize(
    ("package", "found"),
    [
        (a_package("b-1.vol.v1", "b-1"), []),
        (
            a_package("b-1.vol.v1", "b-1", "c"),
            ["b-1.vol.v1 has content_digest c, without faults a"],
        ),
        (a_package("b-1.vol.v2", "not-compared"), ["package b-1.vol.v1"]),
        # All of it is in quarantine in the line without faults.
        (a_package("b-2.vol.v1", "b-2"), ["package b-1.vol.v1", "package b-2.vol.v1 of nobody"]),
    ],
)
def test_packages_are_compared_with_those_of_a_line_without_faults(
    package: dict[str, str], found: list[str]
):
    verdict = Verdict()

    judge_digests([package], Calm(frozenset({"b-1", "b-2"}), {"b-1.vol.v1": "a"}), verdict)

    assert verdict.lost + verdict.other == found


def test_two_packages_of_a_version_are_one_too_many_and_a_later_version_is_not(tmp_path: Path):
    verdict = Verdict()
    (tmp_path / "bag.tar").write_bytes(bytes(10240))
    digest = hashlib.sha256(bytes(10240)).hexdigest()
    rows = [
        {"item_id": "i", "revision": revision, "key": "bag.tar", "sha256": digest}
        for revision in (1, 2, 2)
    ]

    judge_packages(tmp_path, rows, [], verdict)

    assert verdict.all() == ["twice: version 2 of i has 2 packages"]


def test_a_run_is_a_line_in_the_ledger(tmp_path: Path):
    file = tmp_path / "ledger.md"
    file.write_text("# Shown\n\nSome words.\n")
    entry = ledger.Entry(
        *("2026-01-02", "abc", "2 cores", 7, 180.0, {"clock": 2, "kill-worker": 3}),
        *(500, 31.4, 1, 12.6, 4.2, 0, 0, 0, "all as without faults"),
    )

    ledger.append(entry, file)
    ledger.append(entry, file)

    lines = file.read_text().splitlines()
    assert lines[4] == ledger.HEAD
    assert lines[6] == lines[7]
    told = "| 7 | 180 | 5 of 2 kinds: clock 2, kill-worker 3 | 500 | 31 | 1 | 13, alone 4 | 0 | 0 | 0 |"
    assert told in lines[6]


def test_a_home_keeps_the_number_of_brokers_it_was_made_with(tmp_path: Path):
    made = cluster_of(tmp_path, 3)

    assert cluster_of(tmp_path) == made
    assert made.brokers == 3
    with pytest.raises(WrongBrokers, match="is 3 and cannot change to 1"):
        cluster_of(tmp_path, 1)
    with pytest.raises(WrongBrokers, match="a home has 1 or 3 brokers, not 2"):
        cluster_of(tmp_path / "other", 2)


def test_a_cluster_id_is_never_taken_for_an_option():
    drawn = iter([b"\xf8" + bytes(15), b"\xfb" + bytes(15), b"\xfc" + bytes(15)])

    assert cluster_id(lambda: next(drawn)) == "_" + 21 * "A"


def test_a_home_has_one_broker_by_default(tmp_path: Path):
    assert cluster_of(tmp_path).brokers == 1


def test_clients_use_the_port_of_the_proxy(tmp_path: Path):
    (tmp_path / "run").mkdir()
    of_the_proxy = {"kafka": 19001, "kafka-2": 19002, "postgres": 19003}

    chosen = ports.choose(tmp_path, ports.names(3), of_the_proxy)
    again = ports.choose(tmp_path, ports.names(3), of_the_proxy)

    assert again == chosen
    assert ports.brokers(chosen) == [19001, 19002, chosen["kafka-3"]]
    assert ports.listen_port(chosen, "kafka") not in (19001, chosen["kafka-3"])
    assert ports.listen_port(chosen, "kafka-3") == chosen["kafka-3"]
    assert len(set(chosen.values())) == len(chosen)
