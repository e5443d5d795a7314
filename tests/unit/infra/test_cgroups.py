"""The limits of a process are the lowest of its control groups, in both versions."""

from pathlib import Path

import pytest

from infra.cgroups import memory_limit, processor_limit

MOUNT = "31 23 0:28 {root} {mounted} rw,relatime - {kind} {kind} rw,{controllers}\n"


class Machine:
    """The files of a process and its control groups."""

    def __init__(self, folder: Path) -> None:
        self.process, self.groups = folder / "self", folder / "control groups"
        self.process.mkdir()
        self._mounts, self._paths = "", ""

    def has(
        self,
        kind: str,
        group: str,
        root: str = "/",
        controllers: str = "",
        number: int = 0,
        **files: str,
    ) -> None:
        """Mount a hierarchy in which the process is in this group, with these files in it."""
        mounted = self.groups / f"{kind}-{controllers}"
        escaped = str(mounted).replace(" ", "\\040")
        mount = MOUNT.format(root=root, mounted=escaped, kind=kind, controllers=controllers)
        self._mounts += mount
        self._paths += f"{number}:{controllers}:{group}\n"
        self.write(mounted / group.removeprefix(root).strip("/"), **files)
        (self.process / "mountinfo").write_text(self._mounts)
        (self.process / "cgroup").write_text(self._paths)

    def write(self, folder: Path, **files: str) -> None:
        """The files of a group; in their names, two underscores are a dot."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(f"{text}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_version_2_limits_memory_and_processor_time(machine: Machine):
    machine.has("cgroup2", "/lab.slice/line", memory__max="1500000000", cpu__max="50000 100000")

    assert memory_limit(machine.process) == 1_500_000_000
    assert processor_limit(machine.process) == 0.5


def test_version_1_limits_memory_and_processor_time(machine: Machine):
    quota = {"cpu__cfs_quota_us": "150000", "cpu__cfs_period_us": "100000"}
    machine.has("cgroup", "/line", controllers="memory", number=4, memory__limit_in_bytes="7000")
    machine.has("cgroup", "/line", controllers="cpu,cpuacct", number=3, **quota)

    assert memory_limit(machine.process) == 7000
    assert processor_limit(machine.process) == 1.5


def test_a_group_above_limits_too(machine: Machine):
    machine.has("cgroup2", "/lab.slice/line", memory__max="900", cpu__max="max 100000")
    machine.write(
        machine.groups / "cgroup2-" / "lab.slice", memory__max="500", cpu__max="200000 100000"
    )

    assert memory_limit(machine.process) == 500
    assert processor_limit(machine.process) == 2


def test_without_limits_there_are_none(machine: Machine):
    most = str((1 << 63) - 4096)
    machine.has("cgroup", "/", controllers="memory", number=4, memory__limit_in_bytes=most)
    machine.has("cgroup2", "/", cpu__max="max 100000")

    assert memory_limit(machine.process) is None
    assert processor_limit(machine.process) is None


def test_in_a_container_the_path_may_be_that_of_the_host(machine: Machine):
    machine.has("cgroup2", "/docker/1234", root="/docker/1234", memory__max="800")

    assert memory_limit(machine.process) == 800


def test_a_path_outside_of_what_is_mounted_counts_as_what_is_mounted(machine: Machine):
    machine.has("cgroup2", "/", memory__max="600")
    (machine.process / "cgroup").write_text("0::/../elsewhere\n")

    assert memory_limit(machine.process) == 600


def test_a_controller_of_version_1_precedes_the_unified_hierarchy(machine: Machine):
    machine.has("cgroup2", "/", memory__max="600")
    machine.has("cgroup", "/", controllers="memory", number=4, memory__limit_in_bytes="700")

    assert memory_limit(machine.process) == 700


def test_a_machine_without_control_groups_has_no_limits(tmp_path: Path):
    assert memory_limit(tmp_path) is None
    assert processor_limit(tmp_path) is None
