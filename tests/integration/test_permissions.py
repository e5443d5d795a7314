"""Every user and topic, and every database role and table, tried on the real broker and database."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from docs.generate_security import security_page
from infra import database_access
from infra.database_access import COLUMNS, OPERATIONS, ROLES, Cell
from infra.kafka_access import Brokers, Login, login_file, read_login
from infra.topics import admin, end_offsets, partition_counts
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, READY, topic_of
from schemas.codec import encode
from streams.access import USERS, read_topics, written_topics
from streams.provision import provision_access
from streams.topology import topics
from tests.support import permissions
from tests.support.audit_log import an_event
from tests.support.builders import a_page
from tests.support.certificate import certificate
from tests.support.parts import Parts

NAMES = [topic.name for topic in topics()]
EVERY = [*NAMES, READY.name]
TRUSTED = [
    topic_of("PackagePublished").name,
    topic_of("PageAdmitted").name,
    AUDIT_INTAKE.name,
    AUDIT_PREMIS.name,
]
REQUESTED = topic_of("ControlRequested").name
UNKNOWN = {"_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_AUTHENTICATION"}
"""What a client without a login gets: the broker closes the connection."""
NOBODY = 23_456
"""A user id that owns no file."""


def as_user(parts: Parts, user: str) -> Brokers:
    """The broker as this user reaches it."""
    return Brokers(parts.kafka.servers, read_login(login_file(parts.home, user)))


@pytest.fixture
def ends_stay(parts: Parts) -> Iterator[None]:
    """All topics of the line end where they ended before the test."""
    client = admin(parts.kafka)
    counts = partition_counts(client, NAMES)
    places = [(name, number) for name in NAMES for number in range(counts[name])]
    before = end_offsets(client, places)
    yield
    assert end_offsets(client, places) == before


@pytest.mark.parametrize("user", USERS)
def test_a_user_may_do_with_each_topic_what_the_page_says_and_nothing_else(
    parts: Parts, user: str, ends_stay: None
):
    brokers = as_user(parts, user)
    client = admin(brokers)
    read, written = read_topics(user), written_topics(user)

    found = permissions.in_force(client, EVERY)
    attempts = {name: permissions.TOO_LARGE if name in written else b"forged" for name in EVERY}
    answers = permissions.write(brokers, attempts)

    assert found == {name: _operations(name in read, name in written) for name in EVERY}
    assert answers == {
        name: "MSG_SIZE_TOO_LARGE" if name in written else permissions.REFUSED for name in EVERY
    }
    assert permissions.on_cluster(client) == set()


def _operations(read: bool, write: bool) -> set[str]:
    """What Kafka counts as permitted: who may read or write may also ask for offsets."""
    own = {name for name, has in (("read", read), ("write", write)) if has}
    return own | ({"describe"} if own else set())


@pytest.mark.parametrize("user", USERS)
def test_no_user_deletes_records_or_creates_topics(parts: Parts, user: str, ends_stay: None):
    brokers = as_user(parts, user)

    # Of a topic that it knows: other topics do not exist for it.
    (topic, *_) = read_topics(user) or written_topics(user)

    assert permissions.delete_records(brokers, topic) == permissions.REFUSED
    assert permissions.create_topic(brokers, "forged") == permissions.REFUSED


def test_a_local_user_without_a_login_deletes_no_records(parts: Parts, ends_stay: None):
    nobody = Brokers(parts.kafka.servers)

    assert permissions.delete_records(nobody, REQUESTED, 2) in UNKNOWN
    assert permissions.create_topic(nobody, "forged", 2) in UNKNOWN
    assert "forged" not in admin(parts.kafka).list_topics(timeout=20).topics


def test_a_local_user_without_a_login_writes_nothing(parts: Parts, ends_stay: None):
    guesses = [None, *(Login(name, "a guess") for name in ("station", "nobody", "admin"))]
    forged = {REQUESTED: b"forged", AUDIT_INTAKE.name: encode(an_event())}
    forged |= dict.fromkeys(TRUSTED, encode(a_page()))

    clients = [Brokers(parts.kafka.servers, login) for login in guesses]
    assert answers_to_each(clients, forged) <= UNKNOWN


def answers_to_each(clients: list[Brokers], forged: dict[str, bytes]) -> set[str]:
    """What clients without a valid login get for these records, sent at the same time."""
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda one: permissions.write(one, forged, 3000), clients))
    assert [set(one) for one in answers] == [set(forged)] * len(clients)
    return {text for one in answers for text in one.values()}


@pytest.mark.parametrize("user", ["station", "repository", "operator", "auditor", "watchdog"])
def test_a_login_for_other_purposes_forges_no_fact_and_no_event(
    parts: Parts, user: str, ends_stay: None
):
    forged = dict.fromkeys(TRUSTED, encode(a_page()))

    answers = permissions.write(as_user(parts, user), forged)

    assert answers == dict.fromkeys(TRUSTED, permissions.REFUSED)


@pytest.mark.parametrize("user", ["repository", "auditor", "operator", "worker", "sealer"])
def test_nobody_takes_the_place_of_the_router_in_its_group(parts: Parts, user: str):
    answer = permissions.join(as_user(parts, user), "copystand.router", read_topics(user)[0])

    assert answer == "GROUP_AUTHORIZATION_FAILED"


def test_a_repository_and_an_auditor_name_their_groups_themselves(parts: Parts):
    published = topic_of("PackagePublished").name

    assert permissions.join(as_user(parts, "repository"), "archive-of-a-test", published) == ""
    assert permissions.join(as_user(parts, "auditor"), "reader-of-a-test", published) == ""


@pytest.mark.parametrize("user", ["router", "worker", "operator", "auditor"])
def test_only_the_sealer_takes_over_the_sealers_transactions(parts: Parts, user: str):
    answer = permissions.begin_transactions(as_user(parts, user), "copystand-sealer")

    assert answer == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


def test_a_login_that_was_deleted_is_made_again_and_the_old_one_is_refused(parts: Parts):
    file = login_file(parts.home, "watchdog")
    old = as_user(parts, "watchdog")
    file.unlink()

    provision_access(parts.kafka, parts.home)

    found = permissions.in_force(admin(as_user(parts, "watchdog")), [REQUESTED])
    assert found == {REQUESTED: {"read", "describe"}}
    assert answers_to_each([old], {REQUESTED: b"x"}) <= UNKNOWN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_cannot_read_a_login(parts: Parts):
    files = [*(parts.home / "run").glob("kafka.*"), parts.home / "kafka" / "server.properties"]
    assert len(files) == len(USERS) + len(["broker", "admin", "network.pem", "server.properties"])

    # Below a folder that only root may enter the modes of the files would not be tried.
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    for file in files:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "cat"]
        assert subprocess.run([*command, str(file)], capture_output=True).returncode != 0


def test_no_password_is_in_a_command_line_or_an_environment(parts: Parts):
    assert parts.broker.process is not None
    folder = f"/proc/{parts.broker.process.pid}"
    passwords = [
        read_login(file).password.encode() for file in (parts.home / "run").glob("kafka.*.json")
    ]

    for name in ("cmdline", "environ"):
        with open(f"{folder}/{name}", "rb") as file:
            content = file.read()
        assert not [one for one in passwords if one in content]
    assert len(set(passwords)) == len(USERS) + 2


def test_another_machine_connects_by_tls_with_a_login_of_its_own(parts: Parts, tmp_path: Path):
    other_ca, _ = certificate(tmp_path)
    servers, ca = f"localhost:{parts.network.port}", parts.network.certificate
    auditor = read_login(login_file(parts.home, "auditor"))

    by_tls = admin(Brokers(servers, auditor, ca)).list_topics(timeout=20)
    # Without TLS, without trust in the certificate, and with the login of an owner.
    others = [(auditor,), (auditor, other_ca), (parts.kafka.login, ca)]
    refused = answers_to_each([Brokers(servers, *other) for other in others], {REQUESTED: b"x"})

    assert set(NAMES) <= set(by_tls.topics)
    assert refused <= UNKNOWN


@pytest.fixture(scope="module")
def first_columns(parts: Parts) -> dict[str, str]:
    """For each table and view of the migrations, a column that an UPDATE may name."""
    query = """
        SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
        WHERE table_schema IN ('line', 'audit', 'people', 'fixity', 'review') ORDER BY ordinal_position DESC
    """
    with psycopg.connect(parts.dsn()) as connection:
        rows = connection.execute(query).fetchall()
    return {name: column for name, column in rows if column not in COLUMNS.get(name, ())}


def test_the_page_lists_every_table_of_the_database(first_columns: dict[str, str]):
    partitions = {name for name in first_columns if name.startswith("audit.events_")}

    assert set(database_access.relations()) == set(first_columns) - partitions


@pytest.mark.parametrize("role", ROLES)
def test_a_database_role_has_the_rights_of_the_page_and_no_other(
    parts: Parts, role: str, first_columns: dict[str, str]
):
    cells = [cell for cell in database_access.cells() if cell.role == role]

    with psycopg.connect(parts.dsn(role)) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        stated = {cell: _stated(parts, cell) for cell in cells}
        tried = {cell: _refused(connection, cell, first_columns[cell.relation]) for cell in cells}
        connection.rollback()

    assert stated == {cell: cell.allowed for cell in cells}
    assert [cell for cell in cells if tried[cell] is None and not cell.allowed] == []
    assert [
        cell
        for cell in cells
        if cell.allowed and isinstance(tried[cell], psycopg.errors.InsufficientPrivilege)
    ] == []


def _stated(parts: Parts, cell: Cell) -> bool:
    """What PostgreSQL says about a right."""
    query = "SELECT has_table_privilege(%s, %s, %s)"
    with psycopg.connect(parts.dsn()) as connection:
        row = connection.execute(query, [cell.role, cell.relation, cell.operation]).fetchone()
    assert row is not None
    return bool(row[0])


def _refused(connection: psycopg.Connection, cell: Cell, column: str) -> psycopg.Error | None:
    """The error of a statement that changes no row; None if there is none."""
    table = sql.Identifier(*cell.relation.split("."))
    at = sql.Identifier(column)
    statement = {
        "SELECT": sql.SQL("SELECT count(*) FROM {}").format(table),
        "INSERT": sql.SQL("INSERT INTO {} ({}) SELECT NULL WHERE false").format(table, at),
        "UPDATE": sql.SQL("UPDATE {} SET {} = DEFAULT").format(table, at),
        "DELETE": sql.SQL("DELETE FROM {}").format(table),
        "TRUNCATE": sql.SQL("TRUNCATE {}").format(table),
    }[cell.operation]
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.Error as error:
        return error
    return None


def test_the_page_has_a_cell_for_every_user_topic_role_and_table():
    page = security_page()

    assert all(f"| `{name}` |" in page for name in [*NAMES, *database_access.relations()])
    assert all(f"| {name} |" in page for name in (*USERS, *ROLES))
    assert len(database_access.cells()) == (
        len(database_access.relations()) * len(ROLES) * len(OPERATIONS)
    )
