"""`python -m streams.supervisor`: the process that `copystand up` starts."""

import argparse
import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path

from infra import paths, permissions
from infra.files import DamagedFile
from infra.kafka_cluster import WrongBrokers
from streams.runtime.logs import write_log_line
from streams.settings import Settings, SettingsError
from streams.supervisor.state import lock, write_pid
from streams.supervisor.supervisor import Supervisor


def _prepared(settings: Settings, roles: Sequence[str]) -> Supervisor:
    """A supervisor; waits while the disk has no space for its own files. Raises WrongBrokers."""
    while True:
        try:
            return Supervisor(settings, roles)
        except OSError as failure:
            if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            write_log_line(f"waiting for disk space: {failure}")
            time.sleep(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise a home until a signal; the exit code."""
    parser = argparse.ArgumentParser(prog="streams.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("roles", nargs="*")
    chosen = parser.parse_args(arguments)
    permissions.use_private_umask()
    home = paths.prepare_home(chosen.home)
    held = lock(home)
    if held is None:
        write_log_line(f"another supervisor runs {home}")
        return 3
    write_pid(held)
    os.environ.update(COPYSTAND_HOME=str(home), TMPDIR=str(home / "run" / "tmp"))
    os.environ.update(XDG_CACHE_HOME=str(home / "run" / "tmp"))
    try:
        return _prepared(Settings.load(), chosen.roles).run()
    except (WrongBrokers, DamagedFile, SettingsError) as wrong:
        write_log_line(str(wrong))
        return 2


if __name__ == "__main__":
    code = main()
    # The threads of a Kafka client must not delay the exit.
    os._exit(code)
