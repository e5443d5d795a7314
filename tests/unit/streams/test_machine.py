"""The memory and the cores of the machine, or of its container when that has less."""

import pytest

from streams import machine

TEN_MB = 10_000_000


def test_a_container_has_the_memory_of_its_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: TEN_MB)

    assert machine.memory_bytes() == TEN_MB
    assert machine.most_memory_mb() == 6


def test_without_a_limit_the_memory_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: None)

    assert machine.memory_bytes() > 10 * TEN_MB


@pytest.mark.parametrize(
    ("quota", "affine", "cores"),
    [(None, 4, 4), (1.0, 4, 1), (0.2, 4, 1), (1.5, 4, 2), (8.0, 4, 4)],
)
def test_the_cores_are_those_of_the_affinity_and_of_the_quota(
    quota: float | None, affine: int, cores: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(machine, "processor_limit", lambda: quota)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(affine)))

    assert machine.cores() == cores
