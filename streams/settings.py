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

DEFAULT_WEB_PORT = 6066


class SettingsError(ValueError):
    """The environment is wrong; the text says all that is, at once."""


class NotUp(LookupError):
    """The home has no running parts, so an address is not known."""


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

        cores = len(os.sched_getaffinity(0))
        settings = cls(
            home=Path(environment.get("COPYSTAND_HOME") or "var").absolute(),
            pool_size=int(number("WORK_POOL_SIZE", cores, 1)),
            worker_id=environment.get("COPYSTAND_WORKER_ID") or socket.gethostname(),
            kafka_brokers=environment.get("KAFKA_BROKERS", ""),
            postgres_dsn=environment.get("POSTGRES_DSN", ""),
            retry_scale=number("COPYSTAND_RETRY_SCALE", 1.0, 0.0),
        )
        if faults:
            raise SettingsError("; ".join(faults))
        return settings

    @property
    def run(self) -> Path:
        """Folder of ports, pids and passwords of this home."""
        return self.home / "run"

    def ports(self) -> dict[str, int]:
        """Ports of this home's parts. Raises NotUp."""
        try:
            ports: dict[str, int] = json.loads((self.run / "ports.json").read_text("utf-8"))
        except FileNotFoundError:
            raise NotUp(f"nothing was ever started in {self.home}; run: copystand up") from None
        return ports

    @property
    def router_web_port(self) -> int:
        """Where the router's health page listens, on loopback."""
        return DEFAULT_WEB_PORT if self.kafka_brokers else self.ports()["router_web"]

    @property
    def kafka(self) -> str:
        """Bootstrap servers. Raises NotUp."""
        return self.kafka_brokers or f"127.0.0.1:{self.ports()['kafka']}"

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


def announce_ready(settings: Settings, role: str) -> None:
    """Tell the supervisor that a role takes work."""
    folder = settings.run / "roles"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{role}.{os.getpid()}"
    partial.write_text(str(os.getpid()))
    partial.replace(folder / f"{role}.ready")
