"""A local PostgreSQL: one server on 127.0.0.1 that keeps all its files in a home."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from infra import confinement, processes
from infra.files import fsync_folder, read_line, write_atomic
from infra.kafka import tail

DATABASE = "copystand"
SUPERUSER = "postgres"
OWNERS = ("audit_owner",)
EMPTY_PROJECTION = Path(__file__).with_name("empty_projection.sql")
LOGINS = ("tracker", "projector", "auditor_ro")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # In a deep home the path of a socket would exceed its limit of 107 bytes.
    "unix_socket_directories": "",
    # Files in the data folder instead of /dev/shm: nothing remains outside the home.
    "dynamic_shared_memory_type": "mmap",
    "password_encryption": "scram-sha-256",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
}
BUFFERS_MB = 256
"""Holds the tables of a batch of 100,000 pages; with a quarter of it `status` took 0.3 s."""


class LocalPostgres:
    """One server, its data in home/postgres, its log in home/log/postgres.log."""

    def __init__(self, home: Path, port: int, buffers_mb: int = BUFFERS_MB) -> None:
        """A server of this home, not started yet."""
        self._buffers_mb = buffers_mb
        self.home = home
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._data = home / "postgres"
        self._log = home / "log" / "postgres.log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server and do not wait for it. The first start creates the data folder."""
        known = read_line(password_file(self.home, SUPERUSER))
        password = make_password(self.home, SUPERUSER)
        self._remove_stale_pid()
        if not read_line(self._data / "PG_VERSION"):
            self._initialise()
        elif not known:
            self._set_password(password)
        settings = SETTINGS | {"port": str(self.port), "shared_buffers": f"{self._buffers_mb}MB"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [binary("postgres"), "-D", str(self._data), *options]
        self.process = processes.spawn([*as_server(self._data), *command], self._log)
        return self.process

    def ready(self) -> bool:
        """Whether the server answers a query."""
        try:
            with psycopg.connect(self.dsn(SUPERUSER, "postgres"), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Wait until the server answers. Raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + timeout_seconds
        while not self.ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(
                    f"PostgreSQL is not ready; end of {self._log}:\n{tail(self._log)}"
                )
            time.sleep(0.05)

    def stop(self, grace_seconds: float = 20) -> None:
        """Stop the server with a fast shutdown and wait for its end."""
        if self.process is not None:
            processes.stop(self.process, signal.SIGINT, grace_seconds)

    def provision(self) -> None:
        """Create the database and the roles, each role with its password."""
        provision_database(self.dsn(SUPERUSER, "postgres"), self.home)

    def empty_projection(self) -> None:
        """Empty the copy of the audit log, so that it is projected again."""
        with psycopg.connect(self.dsn()) as connection:
            connection.execute(EMPTY_PROJECTION.read_bytes())

    def dsn(self, role: str = SUPERUSER, database: str = DATABASE) -> str:
        """The connection string of a role, with its password."""
        return dsn(self.home, self.port, role, database)

    def _initialise(self) -> None:
        draft = self.home / "postgres.new"
        if (self._data / "global" / "pg_control").exists():
            raise RuntimeError(
                f"{self._data / 'PG_VERSION'} is missing or empty, and the folder has data. Restore"
                " the file from a backup: it holds the major version of PostgreSQL, such as 15."
            )
        for incomplete in (draft, self._data):
            shutil.rmtree(incomplete, ignore_errors=True)
        # The server user reaches this folder only, so the password is copied into it.
        password = draft / "password"
        draft.mkdir(mode=0o700)
        write_atomic(password, password_file(self.home, SUPERUSER).read_bytes(), mode=0o600)
        for path in (draft, password):
            _give_to_server(path)
        command = [binary("initdb"), "-k", "-A", "scram-sha-256", "-U", SUPERUSER, "-E", "UTF8"]
        command += ["--locale=C.UTF-8", f"--pwfile={password}", "-D", str(draft / "data")]
        done = subprocess.run(
            ["setpriv", *processes.DIES_WITH_PARENT, "--", *as_server(draft), *command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")
        (draft / "data").rename(self._data)
        fsync_folder(self.home)
        shutil.rmtree(draft)

    def _set_password(self, password: str) -> None:
        """Give the superuser the password of its file, which lost the old one."""
        order = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n"
        command = [binary("postgres"), "--single", "-D", str(self._data), "template1"]
        done = subprocess.run(
            ["setpriv", *processes.DIES_WITH_PARENT, "--", *as_server(self._data), *command],
            input=order,
            capture_output=True,
            text=True,
            cwd="/",
        )
        if done.returncode != 0:
            raise RuntimeError(f"the password of {SUPERUSER} cannot be set:\n{done.stderr}")

    def _remove_stale_pid(self) -> None:
        """Remove the pid file of a killed server: its pid may belong to another process now."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = pid_file.read_text().split()[0]
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, IndexError):
            command = b""
        if str(self._data).encode() not in command:
            pid_file.unlink(missing_ok=True)


def provision_database(superuser: str, home: Path) -> None:
    """Create the database and the roles, each role with its password in the home."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        for role in (*OWNERS, *LOGINS):
            password = make_password(home, role) if role in LOGINS else None
            _create_or_alter_role(connection, role, password)
        _create_database(connection, DATABASE)


def _create_or_alter_role(connection: psycopg.Connection, role: str, password: str | None) -> None:
    """Create a role with this password, or without login if there is none."""
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if found else "CREATE")
    login = (
        sql.SQL("NOLOGIN") if password is None else sql.SQL("LOGIN PASSWORD {}").format(password)
    )
    connection.execute(sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(role), login))


def _create_database(connection: psycopg.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def dsn(home: Path, port: int, role: str, database: str = DATABASE) -> str:
    """The connection string of a role of this home, with its password."""
    password = read_line(password_file(home, role))
    return f"host=127.0.0.1 port={port} dbname={database} user={role} password={password}"


def password_file(home: Path, role: str) -> Path:
    """The file with the password of a role."""
    name = "postgres.password" if role == SUPERUSER else f"postgres.{role}.password"
    return home / "run" / name


def make_password(home: Path, role: str) -> str:
    """The password of a role: random at first, and when its file is empty; only the owner can read
    the file."""
    path = password_file(home, role)
    if not read_line(path):
        write_atomic(path, secrets.token_urlsafe(24) + "\n", mode=0o600)
    return read_line(path)


def as_server(folder: Path) -> list[str]:
    """The start of a command of the server, which needs this folder. PostgreSQL refuses root."""
    return confinement.as_user(SUPERUSER, folder) if os.geteuid() == 0 else []


def _give_to_server(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(SUPERUSER)
        os.chown(path, user.pw_uid, user.pw_gid)


def binary(name: str) -> str:
    """The path of a server binary, of the newest installed version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_major)
    if found:
        return str(found[-1])
    on_path = shutil.which(name)
    if on_path is None:
        raise FileNotFoundError(f"{name} of PostgreSQL is not installed; run: make install")
    return on_path


def _major(path: Path) -> int:
    version = path.parts[-3]
    return int(version) if version.isdigit() else 0
