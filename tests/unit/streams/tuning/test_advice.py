"""Each setting follows from the machine: memory first, then cores, then the disk."""

import dataclasses

import pytest

from streams.settings import Settings
from streams.tuning.advice import JVM_MB, ROLES_MB, advice, shares_of
from streams.tuning.grades import Grades


def a_machine(
    cores: int = 2, memory_mb: int = 8000, disk: int = 128, sync_ms: int = 0, slowness: int = 1
) -> Grades:
    return Grades(cores, memory_mb, disk, sync_ms, slowness)


def values(grades: Grades) -> dict[str, str]:
    return {one.name: one.value for one in advice(grades)}


def test_one_core_and_1500_mb_have_one_child_process_and_small_servers():
    found = values(a_machine(cores=1, memory_mb=1500))

    assert found["WORK_POOL_SIZE"] == "1"
    assert found["COPYSTAND_KAFKA_HEAP_MB"] == "192"
    assert found["COPYSTAND_POSTGRES_BUFFERS_MB"] == "64"
    assert int(found["COPYSTAND_CHILD_MB"]) + 192 + JVM_MB + 64 + ROLES_MB < 1500


@pytest.mark.parametrize("memory_mb", [1500, 2000, 3000, 4000, 8000, 64_000])
@pytest.mark.parametrize("cores", [1, 2, 4, 16, 64])
def test_servers_roles_and_children_fit_into_the_memory(cores: int, memory_mb: int):
    shares = shares_of(a_machine(cores=cores, memory_mb=memory_mb))
    found = values(a_machine(cores=cores, memory_mb=memory_mb))

    used = shares.heap + JVM_MB + shares.buffers + ROLES_MB + shares.children
    assert used + shares.spare == memory_mb
    assert 1 <= shares.pool <= cores
    assert int(found["COPYSTAND_IMAGES_MB"]) + 200 * shares.pool <= shares.children
    assert int(found["COPYSTAND_CHILD_MB"]) <= shares.children


def test_memory_bounds_the_pool_of_a_machine_with_many_cores():
    few, many = (values(a_machine(cores=32, memory_mb=memory)) for memory in (4000, 64_000))

    assert (few["WORK_POOL_SIZE"], many["WORK_POOL_SIZE"]) == ("7", "32")
    assert few["COPYSTAND_LANE_PROCESSES"] == "text=6"


def test_each_broker_of_the_home_has_its_memory():
    none, one, three = (
        shares_of(dataclasses.replace(a_machine(memory_mb=6000), brokers=brokers))
        for brokers in (0, 1, 3)
    )

    assert none.children - one.children == one.heap + JVM_MB
    assert one.children - three.children == 2 * (one.heap + JVM_MB)


def test_a_fast_machine_has_no_limits_of_lanes():
    found = values(a_machine())

    assert not {name for name in found if "LANE" in name or "TIMEOUT" in name or "FIXITY" in name}


def test_on_a_slow_disk_derivatives_and_packages_leave_half_of_it():
    found = values(a_machine(disk=8))

    assert found["COPYSTAND_LANE_LIMITS"] == "derivatives=2MB/s,packages=2MB/s"
    assert found["COPYSTAND_FIXITY_MB_PER_SECOND"] == "1.6"


@pytest.mark.parametrize(
    ("sync_ms", "slowness", "seconds"), [(40, 1, "240"), (0, 4, "480"), (160, 2, "480")]
)
def test_slow_machines_have_longer_timeouts(sync_ms: int, slowness: int, seconds: str):
    found = values(a_machine(sync_ms=sync_ms, slowness=slowness))

    assert found["COPYSTAND_LIVENESS_TIMEOUT"] == seconds


@pytest.mark.parametrize("memory_mb", [700, 1000, 1500, 2500, 32_000])
@pytest.mark.parametrize("disk", [1, 16, 128])
@pytest.mark.parametrize("sync_ms", [0, 160])
@pytest.mark.parametrize("cores", [1, 8])
def test_every_value_is_a_valid_setting_with_a_reason(
    memory_mb: int, disk: int, sync_ms: int, cores: int
):
    given = advice(a_machine(cores, memory_mb, disk, sync_ms, slowness=8))

    Settings.load({one.name: one.value for one in given})
    assert all(one.reason for one in given)
