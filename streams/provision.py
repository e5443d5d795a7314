"""Database, roles, migrations, topics and start offsets, for servers that run already."""

import argparse
import sys
from pathlib import Path

from psycopg.conninfo import make_conninfo

from infra.acls import put_grants, put_users
from infra.files import write_atomic
from infra.kafka_access import ADMIN, Brokers, make_login
from infra.kafka_listeners import plain_jaas
from infra.migrate import migrate
from infra.postgres import DATABASE, SUPERUSER, provision_database
from infra.topics import admin, provision
from streams import access, topology
from streams.console import Exit, fail
from streams.settings import Settings


def provision_topics(brokers: Brokers, home: Path) -> None:
    """Create topics and start offsets. The marker in a home says that its line exists already."""
    marker = home / "run" / "provisioned"
    provision(brokers, topology.topics(), topology.groups(), fresh=not marker.exists())
    write_atomic(marker, "")


def provision_access(brokers: Brokers, home: Path) -> None:
    """Create the users of the line, each with a login in the home, and their permissions."""
    logins = [make_login(home, user) for user in access.USERS]
    put_users(admin(brokers), logins)
    put_grants(brokers, access.USERS, access.grants())


def write_broker_secrets(home: Path, file: Path) -> None:
    """Write the passwords of the owners of a cluster for brokers that others start.

    Their settings refer to it as `${file:PATH:plain}`, so that no password is in an environment."""
    write_atomic(file, f"plain={plain_jaas(home)}\n", mode=0o600)


def main() -> int:
    """Create what the roles need on the servers of KAFKA_BROKERS and POSTGRES_DSN."""
    parser = argparse.ArgumentParser(prog="streams.provision")
    parser.add_argument("--broker-secrets", type=Path, help="Only write this file, for brokers.")
    options = parser.parse_args()
    settings = Settings.load()
    if options.broker_secrets is not None:
        write_broker_secrets(settings.home, options.broker_secrets)
        return 0
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
    brokers = settings.kafka_as(ADMIN)
    provision_topics(brokers, settings.home)
    if brokers.login is not None:
        provision_access(brokers, settings.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
