"""Runs commands of `copystand` in processes that are forked from one with the libraries imported.

Half of the processor time of a short command is the import of libraries. Each command has a process
of its own all the same, with its arguments, environment, output and exit code, and imports its own
modules. `python -m tests.support.forked_commands FD` is the process that forks."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

LIBRARIES = ("rich.console", "rich.progress", "confluent_kafka.admin", "fastavro", "psycopg.rows")
MODULES = ("schemas.codec", "streams.cli.main")
"""Of the software itself only what every command imports."""
LARGEST_REQUEST = 1 << 17
START_SECONDS = 60
ROOT = Path(__file__).parents[2]


class Forks:
    """The process that forks, as long as this one lives."""

    def __init__(self) -> None:
        """Start it; the first command waits until it has imported the libraries."""
        self._requests, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", __name__, str(its.fileno())]
        with its:
            self._process = subprocess.Popen(
                command, pass_fds=[its.fileno()], cwd=ROOT, stdin=subprocess.DEVNULL
            )

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> "subprocess.CompletedProcess[str]":
        """A command of `copystand`. Raises TimeoutExpired after it was killed."""
        request = json.dumps([arguments, dict(environment), os.getcwd()]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            answers, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with answers:
                with its:
                    files = [out.fileno(), err.fileno(), its.fileno()]
                    socket.send_fds(self._requests, [request], files)
                answers.settimeout(START_SECONDS)
                pid = int(answers.recv(100))
                answers.settimeout(timeout)
                try:
                    code = int(answers.recv(100))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(arguments), timeout) from None
            texts = [os.pread(one.fileno(), _size(one.fileno()), 0).decode() for one in (out, err)]
        return subprocess.CompletedProcess(["copystand", *arguments], code, *texts)


@cache
def forks() -> Forks:
    """The one of this process."""
    return Forks()


def _size(file: int) -> int:
    return os.fstat(file).st_size


def _serve(requests: socket.socket) -> None:
    """Fork for each request. Returns in the process of a command, and ends when nobody asks."""
    for name in (*LIBRARIES, *MODULES):
        import_module(name)
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # After Ctrl-C a test still ends its line.
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            out, err, answers = files
            _wait_for_command(socket.socket(fileno=answers))
            signal.signal(signal.SIGINT, on_interrupt)
            return _become(message, out, err)
        for file in files:
            os.close(file)


def _wait_for_command(answers: socket.socket) -> None:
    """Fork the command and report its pid and exit code. Returns in the process of the command."""
    pid = os.fork()
    if pid:
        answers.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        answers.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    answers.close()


def _become(message: bytes, out: int, err: int) -> None:
    arguments, environment, folder = json.loads(message)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, max(out, err) + 1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["copystand", *arguments]


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    import_module("streams.cli.main").main()
