"""Database, roles, migrations, topics and start offsets, for servers that run already."""

import sys
from pathlib import Path

from psycopg.conninfo import make_conninfo

from infra.files import write_atomic
from infra.migrate import migrate
from infra.postgres import DATABASE, SUPERUSER, provision_database
from infra.topics import provision
from streams import topology
from streams.console import Exit, fail
from streams.settings import Settings


def provision_topics(bootstrap_servers: str, home: Path) -> None:
    """Create topics and start offsets. The marker in a home says that its line exists already."""
    marker = home / "run" / "provisioned"
    provision(bootstrap_servers, topology.topics(), topology.groups(), fresh=not marker.exists())
    write_atomic(marker, "")


def main() -> int:
    """Create what the roles need on the servers of KAFKA_BROKERS and POSTGRES_DSN."""
    settings = Settings.load()
    secret = settings.postgres_password_file
    needed = {
        "KAFKA_BROKERS": settings.kafka_brokers,
        "POSTGRES_DSN": settings.postgres_dsn,
        "POSTGRES_PASSWORD_FILE": secret,
    }
    empty = [name for name, value in needed.items() if not value]
    if secret is None or empty:
        fail(Exit.USAGE, f"{', '.join(empty)} must be set")
    settings.run.mkdir(parents=True, exist_ok=True)
    password = secret.read_text("utf-8").strip()
    superuser = make_conninfo(settings.postgres_dsn, user=SUPERUSER, password=password)
    provision_database(make_conninfo(superuser, dbname="postgres"), settings.home)
    migrate(make_conninfo(superuser, dbname=DATABASE))
    provision_topics(settings.kafka, settings.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
