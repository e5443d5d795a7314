"""The memory of the machine, or of its container when that has less."""

from pathlib import Path

import pytest

from streams import machine

TEN_MB = 10_000_000


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a container finds its memory limit."""
    monkeypatch.setattr(machine, "CGROUP_LIMIT", tmp_path / "memory.max")
    return tmp_path / "memory.max"


def test_a_container_has_the_memory_of_its_limit(limit: Path):
    limit.write_text(f"{TEN_MB}\n")

    assert machine.memory_bytes() == TEN_MB
    assert machine.most_memory_mb() == 6


@pytest.mark.parametrize("text", ["max\n", None])
def test_without_a_limit_the_memory_is_that_of_the_machine(limit: Path, text: str | None):
    if text is not None:
        limit.write_text(text)

    assert machine.memory_bytes() > 10 * TEN_MB
