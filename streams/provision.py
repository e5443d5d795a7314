"""Database, roles, migrations, topics and start offsets, for parts that are not ours."""

import os
import sys
from pathlib import Path

from psycopg.conninfo import make_conninfo

from infra.migrate import migrate
from infra.postgres import DATABASE, SUPERUSER, provision_database
from infra.topics import provision
from streams import topology
from streams.console import Exit, fail
from streams.settings import Settings


def provision_topics(bootstrap_servers: str, home: Path) -> None:
    """Topics and start offsets; a home in which this was done before is an existing line."""
    marker = home / "run" / "provisioned"
    provision(bootstrap_servers, topology.topics(), topology.groups(), fresh=not marker.exists())
    marker.touch()


def main() -> int:
    """Make what the roles need, with KAFKA_BROKERS, POSTGRES_DSN and the password file."""
    settings = Settings.load()
    secret = os.environ.get("POSTGRES_PASSWORD_FILE", "")
    needed = {
        "KAFKA_BROKERS": settings.kafka_brokers,
        "POSTGRES_DSN": settings.postgres_dsn,
        "POSTGRES_PASSWORD_FILE": secret,
    }
    empty = [name for name, value in needed.items() if not value]
    if empty:
        fail(Exit.USAGE, f"{', '.join(empty)} must be set")
    settings.run.mkdir(parents=True, exist_ok=True)
    password = Path(secret).read_text("utf-8").strip()
    superuser = make_conninfo(settings.postgres_dsn, user=SUPERUSER, password=password)
    provision_database(make_conninfo(superuser, dbname="postgres"), settings.home)
    migrate(make_conninfo(superuser, dbname=DATABASE))
    provision_topics(settings.kafka, settings.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
