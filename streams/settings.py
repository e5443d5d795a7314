"""Reads the environment once: where the home is, which addresses the parts have."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import quote

from infra.ports import brokers
from streams.night_window import NightWindow, read_night_window
from streams.storage_settings import LOCAL, S3Location, read_location

DEFAULT_WEB_PORT = 6066
DEFAULT_HEALTH_PORT = 6067
DEFAULT_CACHE_GB = 20
DEFAULT_ANSWER_DAYS = 14
GIGABYTE = 1_000_000_000
MEGABYTE = 1_000_000
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_memory_bytes() -> int:
    """Memory of this machine, or of the container when that has less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = CGROUP_LIMIT.read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


DEFAULT_IMAGES_BYTES = int(machine_memory_bytes() * 0.6)
"""Broker, database and the rest of each child need something too."""
DEFAULT_RECYCLE_MB = 600
DEFAULT_RESERVE_MB = 256


class SettingsError(ValueError):
    """The environment is wrong; the text says all that is, at once."""


class NotUp(LookupError):
    """The home has no running parts, so an address is not known."""

    fix = ""
    """What to do, where the text does not say it already."""


@dataclass(frozen=True)
class Settings:
    """Where everything is. Addresses come from the environment, else from the home's run folder."""

    home: Path
    pool_size: int
    worker_id: str
    kafka_brokers: str = ""
    postgres_dsn: str = ""
    """Given for a Postgres that is not ours; without user and password of a role."""
    retry_scale: float = 1.0
    """Multiplies every retry delay; tests make it small."""
    silence_seconds: float = 45
    """A worker silent for so long is given up, and its share goes to the others."""
    s3: S3Location | None = None
    """The bucket that holds the objects; None: they lie on local disk in the home."""
    store_cache_bytes: int = DEFAULT_CACHE_GB * GIGABYTE
    """How much disk local copies of objects in a bucket may take."""
    images_bytes: int = DEFAULT_IMAGES_BYTES
    """Decoded images that a worker has in work at once; more waits."""
    child_bytes: int = DEFAULT_IMAGES_BYTES
    """Memory that one child of a worker may have as its own."""
    recycle_bytes: int = DEFAULT_RECYCLE_MB * MEGABYTE
    """A child that has kept more than this after a task is replaced by a fresh one."""
    reserve_bytes: int = DEFAULT_RESERVE_MB * MEGABYTE
    """Free space that is never touched: work waits for more."""
    stalled_seconds: float = 120
    """A role that gives no sign of life for so long is killed and started again; it gives one each
    second, and its longest turn takes less than this."""
    quiet_minutes: float = 60
    """A batch that should be moving and of which nothing is heard for so long is reported."""
    answer_days: float = DEFAULT_ANSWER_DAYS
    """After so many days without an answer of a repository a package is reported."""
    night: NightWindow | None = None
    """When batches of priority night are admitted; None: they have the lowest rank at any time."""

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings of this process. Raises SettingsError naming every fault."""
        faults: list[str] = []

        def number(name: str, default: float, least: float) -> float:
            text = environment.get(name, "")
            try:
                value = float(text) if text else default
            except ValueError:
                value = least - 1
            if value < least:
                faults.append(f"{name} must be {least:g} or more, got {text!r}")
            return value

        def megabytes(name: str, default: float, least: float) -> int:
            return int(number(name, default, least) * MEGABYTE)

        cores = len(os.sched_getaffinity(0))
        settings = cls(
            home=Path(environment.get("COPYSTAND_HOME") or "var").absolute(),
            pool_size=int(number("WORK_POOL_SIZE", cores, 1)),
            worker_id=environment.get("COPYSTAND_WORKER_ID") or socket.gethostname(),
            kafka_brokers=environment.get("KAFKA_BROKERS", ""),
            postgres_dsn=environment.get("POSTGRES_DSN", ""),
            retry_scale=number("COPYSTAND_RETRY_SCALE", 1.0, 0.0),
            # Kafka allows no less than 6 s.
            silence_seconds=number("COPYSTAND_SILENCE_SECONDS", 45, 6),
            s3=read_location(environment, faults),
            store_cache_bytes=int(
                number("COPYSTAND_STORE_CACHE_GB", DEFAULT_CACHE_GB, 0) * GIGABYTE
            ),
            images_bytes=megabytes("COPYSTAND_IMAGES_MB", DEFAULT_IMAGES_BYTES // MEGABYTE, 1),
            child_bytes=megabytes("COPYSTAND_CHILD_MB", DEFAULT_IMAGES_BYTES // MEGABYTE, 256),
            recycle_bytes=megabytes("COPYSTAND_RECYCLE_MB", DEFAULT_RECYCLE_MB, 200),
            reserve_bytes=megabytes("COPYSTAND_RESERVE_MB", DEFAULT_RESERVE_MB, 0),
            stalled_seconds=number("COPYSTAND_STALLED_SECONDS", 120, 3),
            quiet_minutes=number("COPYSTAND_QUIET_MINUTES", 60, 0),
            answer_days=number("COPYSTAND_ANSWER_DAYS", DEFAULT_ANSWER_DAYS, 0),
            night=read_night_window(environment, faults),
        )
        if faults:
            raise SettingsError("; ".join(faults))
        return settings

    @property
    def store(self) -> str:
        """Where the objects are, in words."""
        return LOCAL if self.s3 is None else str(self.s3)

    @property
    def run(self) -> Path:
        """Folder of ports, pids and passwords of this home."""
        return self.home / "run"

    def ports(self) -> dict[str, int]:
        """Ports of this home's parts. Raises NotUp."""
        try:
            ports: dict[str, int] = json.loads((self.run / "ports.json").read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise NotUp(f"nothing was ever started in {self.home}; run: copystand up") from None
        return ports

    @property
    def router_web_port(self) -> int:
        """Where the router's health page listens, on loopback."""
        return DEFAULT_WEB_PORT if self.kafka_brokers else self.ports()["router_web"]

    @property
    def health_port(self) -> int:
        """Where the watchdog tells how the line is, on loopback."""
        return DEFAULT_HEALTH_PORT if self.kafka_brokers else self.ports()["health"]

    @property
    def kafka(self) -> str:
        """Bootstrap servers. Raises NotUp."""
        if self.kafka_brokers:
            return self.kafka_brokers
        return ",".join(f"127.0.0.1:{port}" for port in brokers(self.ports()))

    def dsn(self, role: str) -> str:
        """Connection string of a Postgres role, password included. Raises NotUp."""
        file = self.run / f"postgres.{role}.password"
        base = self.postgres_dsn or f"postgresql://127.0.0.1:{self.ports()['postgres']}/copystand"
        try:
            password = file.read_text("utf-8").strip()
        except FileNotFoundError:
            raise NotUp(f"{file} is missing; run: copystand up") from None
        return base.replace("://", f"://{role}:{quote(password, safe='')}@", 1)

    @cached_property
    def version(self) -> str:
        """Version of this software, as it stands in every event."""
        return software_version()


def software_version() -> str:
    """Version of the installed copystand."""
    try:
        return version("copystand")
    except PackageNotFoundError:
        return "0.0.0+uninstalled"
