"""An exiftool process that is kept running, and restarted after a crash or timeout."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from processors.outcome import ToolCrashed, ToolHung, ToolMissing

GUARDED = Path(__file__).parent / "bin" / "exiftool"
"""Wrapper that ignores the user's configuration and ends exiftool together with its caller."""
OPTIONS = (b"-json", b"-G1", b"-n", b"-struct", b"-charset", b"filename=utf8")
"""JSON with the group of each tag, numbers unconverted, XMP structures nested."""
ANSWER_SECONDS = 30.0
FILES_BEFORE_RESTART = 2000
MAX_ANSWER_BYTES = 16_000_000
MAX_RESIDENT_BYTES = 200_000_000
"""exiftool uses 40 MB. After a file with thousands of tags it does not release memory."""
NOT_FOUND = 127


class UnusableMetadata(Exception):
    """The embedded metadata of a file cannot be used; the message says why."""


class Exiftool:
    """A running exiftool; not thread-safe."""

    def __init__(self, program: Path = GUARDED, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Use this program; it is started by the first request."""
        self._program, self._answer_seconds = program, answer_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """Process id of exiftool, or None if it is not running."""
        return self._process.pid if self._process else None

    def read(self, path: Path) -> dict[str, Any]:
        """All tags of a file by `group:name`.

        Raises UnusableMetadata, ToolHung and ToolCrashed."""
        if self._asked >= FILES_BEFORE_RESTART or self._resident_bytes() > MAX_RESIDENT_BYTES:
            self.close()
        wanted = os.path.abspath(path)
        answer = self._ask(*OPTIONS, os.fsencode(wanted))
        if not answer.lstrip().startswith(b"[{"):
            self.close()
            raise ToolCrashed(f"exiftool returned no tags of {path.name}: {_shown(answer)!r}")
        try:
            # Tags may have any encoding and contain control characters; neither is an error.
            text = answer.decode("utf-8", "replace")
            (tags,) = json.loads(text, strict=False, parse_float=_number)
        except (ValueError, RecursionError) as invalid:
            raise UnusableMetadata(f"the output of exiftool is not valid JSON: {invalid}") from None
        if tags.get("SourceFile") != wanted:
            self.close()
            raise ToolCrashed("exiftool answered for another file")
        return dict(tags)

    def version(self) -> str:
        """The version of exiftool, such as 12.57. Raises ToolHung and ToolCrashed."""
        return self._ask(b"-ver").decode(errors="replace").strip()

    def close(self) -> None:
        """End exiftool if it is running."""
        process, self._process, self._asked = self._process, None, 0
        if process is not None:
            _end(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]

    def _resident_bytes(self) -> int:
        if self._process is None:
            return 0
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0  # It has ended; the next request will notice.
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _ask(self, *words: bytes) -> bytes:
        started_before = self._process is not None
        try:
            return self._exchange(words)
        except ToolCrashed:
            if not started_before:
                raise
            return self._exchange(words)  # It ended between two requests: restart it once.

    def _exchange(self, words: tuple[bytes, ...]) -> bytes:
        process = self._process or self._start()
        self._asked += 1
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            _end(process)

        watchdog = threading.Timer(self._answer_seconds, end)
        watchdog.start()
        try:
            return _answer(process, words, self._asked)
        except OSError as gone:
            self.close()
            if overdue.is_set():
                raise ToolHung(f"exiftool gave no answer in {self._answer_seconds:g} s") from None
            if process.returncode == NOT_FOUND:
                raise ToolMissing("exiftool is not installed") from None
            raise ToolCrashed(str(gone)) from None
        except BaseException:
            # The rest of this answer must not be read as the answer for the next file.
            self.close()
            raise
        finally:
            watchdog.cancel()

    def _start(self) -> "subprocess.Popen[bytes]":
        try:
            self._process = subprocess.Popen(
                [str(self._program), "-stay_open", "True", "-@", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as missing:
            raise ToolMissing(f"exiftool does not start: {missing}") from None
        return self._process


def _answer(process: "subprocess.Popen[bytes]", words: tuple[bytes, ...], number: int) -> bytes:
    """The output for one request. Raises UnusableMetadata, and OSError if exiftool ends."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"\n".join([*words, b"-execute%d\n" % number]))
    process.stdin.flush()
    # JSON cannot contain this line: a line break in a text is written as \n.
    ready, answer = b"{ready%d}\n" % number, bytearray()
    while not answer.endswith(ready):
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk:
            raise OSError("exiftool ended before it had answered")
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise UnusableMetadata(
                f"it has more than {MAX_ANSWER_BYTES // 1_000_000} MB of metadata"
            )
    return bytes(answer[: -len(ready)])


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill exiftool and all processes that it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _number(text: str) -> float | str:
    """A number; its text if a number would be written differently, such as the title 1.50."""
    return float(text) if repr(float(text)) == text else text


def _shown(answer: bytes) -> str:
    return answer[:200].decode(errors="replace")
