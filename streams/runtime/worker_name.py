"""Pseudonyms of machine and role, which facts contain in place of a host name."""

import fcntl
import logging
import os
import secrets
from pathlib import Path

from infra.files import create_atomic, read_line, write_atomic
from schemas import ids
from streams.settings import Settings

log = logging.getLogger(__name__)

KEY_FILE = "worker.key"


def worker_name(settings: Settings, role: str) -> str:
    """Pseudonym of a role on this machine: worker- and 8 hex digits, the same after each restart.

    It can be computed from the machine's name only with the key in the home."""
    name = f"worker-{ids.make_id(_key(settings.run), settings.worker_id, role)[:8]}"
    log.info("worker named", extra={"role": role, "worker": name})
    return name


def _key(run: Path) -> str:
    """The random key of this home, created on first use."""
    file = run / KEY_FILE
    if not file.exists():
        run.mkdir(parents=True, exist_ok=True)
        # Roles that start at the same time use the key of the first one.
        create_atomic(file, f"{secrets.token_hex(16)}\n")
    if not read_line(file):
        _replace_empty_key(run, file)
    return read_line(file)


def _replace_empty_key(run: Path, file: Path) -> None:
    """Make a new key where the file lost the old one: the pseudonyms of this machine change."""
    folder = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # until it is closed
        if not read_line(file):
            log.warning("key of the pseudonyms replaced", extra={"file": str(file)})
            write_atomic(file, f"{secrets.token_hex(16)}\n")
    finally:
        os.close(folder)
