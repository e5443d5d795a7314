"""The settings of a process: the environment variables, and what follows from them."""

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import ValidationError

from infra.disk import Space
from infra.files import read_json, read_line
from infra.kafka_access import Brokers, NoLogin, login_file, read_login
from infra.ports import brokers
from streams.environment_variables import EnvironmentVariables
from streams.machine import MEGABYTE
from streams.settings_fields import mistakes, renamed, values_of
from streams.settings_file import file_values, located
from streams.storage_settings import LOCAL, S3Location, bucket_and_prefix

if TYPE_CHECKING:
    from streams.signatures import SigningKey

DEFAULT_WEB_PORT = 6066
DEFAULT_HEALTH_PORT = 6067
DEFAULT_INGEST_PORT = 6068
GIGABYTE = 1_000_000_000


class SettingsError(ValueError):
    """The environment is wrong; the text names every mistake."""


class NotUp(LookupError):
    """The home has no running parts, so an address is not known."""

    fix = ""
    """What to do, where the text does not say it already."""


class Settings(EnvironmentVariables):
    """Validated settings; addresses come from the environment, else from the home's run folder."""

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings of this process: the environment, then the settings file of the home. Raises
        SettingsError naming every mistake."""
        found: Settings | None = None
        refused: ValidationError | None = None
        home = Path(
            environment.get("COPYSTAND_HOME") or cls.model_fields["home"].default
        ).absolute()
        in_file, wrong = file_values(cls, home, environment)
        merged = {**environment, **in_file}
        try:
            found = cls(**values_of(cls, merged))
        except ValidationError as error:
            refused = error
        wrong += [located(one, in_file, home) for one in mistakes(cls, merged, refused)]
        if found is None or wrong:
            raise SettingsError("; ".join(wrong))
        return found

    @property
    def images_bytes(self) -> int:
        """COPYSTAND_IMAGES_MB in bytes."""
        return int(self.images_mb * MEGABYTE)

    @property
    def child_bytes(self) -> int:
        """COPYSTAND_CHILD_MB in bytes."""
        return int(self.child_mb * MEGABYTE)

    @property
    def recycle_bytes(self) -> int:
        """COPYSTAND_RECYCLE_MB in bytes."""
        return int(self.recycle_mb * MEGABYTE)

    @property
    def reserve(self) -> Space:
        """Disk space that stays unused: COPYSTAND_RESERVE_MB and COPYSTAND_RESERVE_INODES."""
        return Space(int(self.reserve_mb * MEGABYTE), self.reserve_inodes)

    @property
    def floor(self) -> Space:
        """Disk space below which servers are stopped."""
        return Space(int(self.floor_mb * MEGABYTE), self.reserve_inodes // 4)

    @property
    def ballast_bytes(self) -> int:
        """COPYSTAND_BALLAST_MB in bytes."""
        return int(self.ballast_mb * MEGABYTE)

    @property
    def store_cache_bytes(self) -> int:
        """COPYSTAND_STORE_CACHE_GB in bytes."""
        return int(self.store_cache_gb * GIGABYTE)

    @property
    def store_cache(self) -> Path:
        """Folder of the local copies of objects in a bucket."""
        return self.store_cache_folder or self.home / "cache" / "store"

    @property
    def upload_max_bytes(self) -> int:
        """COPYSTAND_UPLOAD_MAX_GB in bytes."""
        return int(self.upload_max_gb * GIGABYTE)

    @property
    def fixity_bytes_per_second(self) -> float:
        """COPYSTAND_FIXITY_MB_PER_SECOND in bytes."""
        return self.fixity_mb_per_second * MEGABYTE

    @property
    def s3(self) -> S3Location | None:
        """The bucket that holds the objects; None for local disk."""
        if not self.object_store:
            return None
        bucket, prefix = bucket_and_prefix(self.object_store)
        return S3Location(
            bucket=bucket,
            prefix=prefix,
            endpoint=self.s3_endpoint or f"https://s3.{self.aws_region}.amazonaws.com",
            region=self.aws_region,
            access_key_id=self.aws_access_key_id,
            secret_access_key=self.aws_secret_access_key,
            session_token=self.aws_session_token,
        )

    @property
    def store(self) -> str:
        """Where the objects are, in words."""
        return LOCAL if self.s3 is None else str(self.s3)

    @property
    def station_profiles(self) -> Path:
        """Folder with the institution's own profiles, as the commands of a station read it."""
        return (self.station or self.home) / "profiles"

    @property
    def traffic_folder(self) -> Path:
        """Folder with the traffic limits, as the commands of a station read them."""
        return self.station or self.home

    @property
    def run(self) -> Path:
        """Folder of ports, pids and passwords of this home."""
        return self.home / "run"

    def ports(self) -> dict[str, int]:
        """Ports of this home's parts. Raises NotUp."""
        ports = read_json(self.run / "ports.json")
        if not ports:
            raise NotUp(f"nothing was ever started in {self.home}; run: copystand up")
        return ports

    @property
    def router_web_port(self) -> int:
        """Where the router's health page listens, on loopback."""
        return DEFAULT_WEB_PORT if self.kafka_brokers else self.ports()["router_web"]

    @property
    def health_port(self) -> int:
        """Where the health endpoint of the watchdog listens, on loopback."""
        return DEFAULT_HEALTH_PORT if self.kafka_brokers else self.ports()["health"]

    @property
    def ingest_port(self) -> int:
        """Where `ingest` listens, on loopback."""
        return DEFAULT_INGEST_PORT if self.kafka_brokers else self.ports()["ingest"]

    def kafka_as(self, user: str) -> Brokers:
        """How a client with the permissions of this user reaches Kafka. Raises NotUp.

        A cluster without access control is one that is named by KAFKA_BROKERS, without a login."""
        file = self.kafka_credentials or login_file(self.home, user)
        servers, ca = self.kafka_brokers, self.kafka_ca
        if servers and not self.kafka_credentials and not file.exists():
            return Brokers(servers, ca=ca)
        if not servers:
            servers = ",".join(f"127.0.0.1:{port}" for port in brokers(self.ports()))
            ca = None
        try:
            return Brokers(servers, read_login(file), ca)
        except NoLogin:
            return Brokers(servers, ca=ca)
        except FileNotFoundError:
            raise NotUp(f"{file} is missing; run: copystand up") from None
        except PermissionError:
            raise NotUp(f"{file} is readable by the user of the line only") from None
        except ValueError as wrong:
            raise NotUp(str(wrong)) from None

    def signing_key(self, sender: str, *, of_home: bool = False) -> "SigningKey":
        """The key with which a command of a station or repository signs, or one that only the home
        has. Raises NotUp."""
        # Imported here: few commands sign.
        from streams.signatures import key_file, read_key

        own = None if of_home else self.kafka_credentials
        file = own or key_file(self.home, sender)
        how = "run: copystand up"
        if own:
            renewed = f"copystand {sender} revoke NAME, copystand {sender} add NAME"
            how = f"get a new file from the machine of the line: {renewed}"
        try:
            return read_key(file)
        except FileNotFoundError:
            raise NotUp(f"{file} is missing; {how}") from None
        except PermissionError:
            raise NotUp(f"{file} is readable by the user of the line only") from None
        except ValueError as wrong:
            raise NotUp(f"{wrong}; {how}") from None

    def dsn(self, role: str) -> str:
        """Connection string of a Postgres role, password included. Raises NotUp."""
        file = self.run / f"postgres.{role}.password"
        base = self.postgres_dsn or f"postgresql://127.0.0.1:{self.ports()['postgres']}/copystand"
        password = read_line(file)
        if not password:
            raise NotUp(f"{file} is missing or empty; run: copystand up")
        return base.replace("://", f"://{role}:{quote(password, safe='')}@", 1)

    @property
    def version(self) -> str:
        """Version of this software, as written in every event."""
        return software_version()


def deprecated(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Old names of variables that the environment sets, each with its new name."""
    return renamed(Settings, environment)


@cache
def software_version() -> str:
    """Version of the installed copystand."""
    try:
        return version("copystand")
    except PackageNotFoundError:
        return "0.0.0+uninstalled"
