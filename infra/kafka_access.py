"""How a client reaches Kafka, as whom and how much: addresses, credentials, their files, quotas."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.files import write_atomic

ADMIN = "admin"
"""Creates topics, users and permissions; the only user whom no permission limits."""
BROKER = "broker"
"""The user as which brokers and controllers know each other."""
OWNERS = (BROKER, ADMIN)
PLAIN = "PLAIN"
"""For the owners: the brokers' settings have their passwords, so a cluster can start with them."""
SCRAM = "SCRAM-SHA-512"
"""For everybody else: their credentials are in the cluster's own log."""


@dataclass(frozen=True)
class Login:
    """A user and a password."""

    user: str
    password: str = field(repr=False)
    mechanism: str = SCRAM


@dataclass(frozen=True)
class Brokers:
    """The addresses of a cluster, and the login with which a client connects."""

    servers: str
    """Bootstrap servers `host:port,…`."""
    login: Login | None = None
    """None for a cluster without access control."""
    ca: Path | None = None
    """Certificates that sign those of the brokers; None for connections without TLS."""

    def __str__(self) -> str:
        return self.servers

    @property
    def client(self) -> dict[str, Any]:
        """The settings of a librdkafka client."""
        settings = {"bootstrap.servers": self.servers}
        if self.ca is not None:
            settings["ssl.ca.location"] = str(self.ca)
        if self.login is None:
            return settings | ({"security.protocol": "SSL"} if self.ca else {})
        return settings | {
            "security.protocol": "SASL_PLAINTEXT" if self.ca is None else "SASL_SSL",
            "sasl.mechanism": self.login.mechanism,
            "sasl.username": self.login.user,
            "sasl.password": self.login.password,
        }


@dataclass(frozen=True)
class Quota:
    """What a user may do; a broker delays its answers to a user who does more."""

    produce_bytes: float
    """Bytes per second written to one broker."""
    consume_bytes: float
    """Bytes per second read from one broker."""
    request_percent: float
    """Percent of the time of one thread of a broker."""

    @property
    def settings(self) -> dict[str, float]:
        """The same in the words of Kafka."""
        return {
            "producer_byte_rate": self.produce_bytes,
            "consumer_byte_rate": self.consume_bytes,
            "request_percentage": self.request_percent,
        }


def login_file(home: Path, user: str) -> Path:
    """The file with the login of a user of this home."""
    return home / "run" / f"kafka.{user}.json"


class NoLogin(ValueError):
    """A credential file of a cluster without access control: it has a signing key alone."""


def read_login(file: Path) -> Login:
    """The login in a credential file. Raises OSError, NoLogin, ValueError."""
    try:
        document = json.loads(file.read_text("utf-8"))
        if "signing_key" in document and "password" not in document:
            raise NoLogin(f"{file} has no login")
        return Login(str(document["user"]), str(document["password"]), str(document["mechanism"]))
    except (KeyError, TypeError, json.JSONDecodeError) as wrong:
        raise ValueError(f"{file} is not a credential file: {wrong!r}") from None


def is_open(home: Path) -> bool:
    """Whether the Kafka of a home was made before access control, and has not started with it."""
    made = (home / "kafka" / "data" / "meta.properties").exists()
    return made and not login_file(home, BROKER).exists()


def make_login(home: Path, user: str) -> Login:
    """The login of a user of this home: random at first, in a file that only the owner can read."""
    file = login_file(home, user)
    try:
        return read_login(file)
    except (FileNotFoundError, ValueError):
        login = Login(user, secrets.token_urlsafe(24), PLAIN if user in OWNERS else SCRAM)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(asdict(login), indent=2) + "\n", mode=0o600)
        return login
