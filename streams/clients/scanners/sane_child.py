"""Runs scanimage in a process of its own that can be killed, and reports how it ended."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.scanners.twain_map import SANE_STATUS

PROGRAM = "scanimage"
SYSTEM_CONFIG = Path("/etc/sane.d")
GRACE_SECONDS = 5
"""After scanimage has reported an error, it has this long to end; its error paths can hang."""
POLL_SECONDS = 0.02
LOOK_UP_SECONDS = 30
"""Limit for a call that only asks a device."""
STATUS_EOF, STATUS_NO_DOCS = 5, 7
_REPORTED = re.compile(r"(?:sane_[a-z_]+[^:]*|open of device .* failed): (?P<text>.*)")
_CANCELLED = re.compile("Operation was cancell?ed")


def config_folder(folder: Path, device: str, configured: Path | None) -> Path:
    """A folder for SANE_CONFIG_DIR that names only the backend of a device, or without a device
    those that the station or the system has configured."""
    folder.mkdir(parents=True, exist_ok=True)
    backend = device.partition(":")[0]
    names = f"{backend}\n" if backend else _configured_backends(configured)
    (folder / "dll.conf").write_text(names, "utf-8")
    return folder


def _configured_backends(configured: Path | None) -> str:
    for one in (configured, SYSTEM_CONFIG):
        if one is not None and (one / "dll.conf").is_file():
            more = sorted((one / "dll.d").glob("*")) if (one / "dll.d").is_dir() else []
            return "".join(f"{path.read_text('utf-8')}\n" for path in (one / "dll.conf", *more))
    return "test\n"


class SaneChild:
    """Calls of scanimage with a configuration of their own."""

    def __init__(self, config: Path, configured: Path | None, silence_seconds: float) -> None:
        """`configured` is the station's own folder of SANE, before that of the system."""
        self.silence_seconds = silence_seconds
        folders = [config, *([configured] if configured else []), SYSTEM_CONFIG]
        self._environment = {
            **os.environ,
            "SANE_CONFIG_DIR": ":".join(str(folder) for folder in folders),
            "LC_ALL": "C",
        }
        self._errors = config / "scanimage.err"

    def ask(self, *arguments: str, seconds: float = LOOK_UP_SECONDS) -> str:
        """What a call prints that scans nothing. Raises ScannerProblem."""
        with self._started(arguments, subprocess.PIPE) as child:
            try:
                answer, _ = child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                found = f"scanimage gave no answer in {seconds:g} s"
                raise ScannerProblem("scanner.timed-out", found) from None
        if child.returncode:
            raise self._problem(child.returncode)
        return answer.decode("utf-8", "replace")

    def run(self, arguments: Sequence[str], folder: Path, pattern: str) -> Iterator[Path]:
        """Each file that a scan completes in a folder, as soon as it is complete.

        Raises ScannerProblem when the scan fails or sends nothing for too long."""
        seen: set[Path] = set()
        with self._started(arguments, subprocess.DEVNULL) as child:
            watch = _Silence(folder, self.silence_seconds)
            status: int | None = None
            while status is None:
                ended = child.poll()
                yield from self._completed(folder, pattern, seen)
                status = ended if ended is not None else self._reported(child)
                if status is None:
                    watch.check()
                    time.sleep(POLL_SECONDS)
            yield from self._completed(folder, pattern, seen)
        if status:
            raise self._problem(status)

    @staticmethod
    def _completed(folder: Path, pattern: str, seen: set[Path]) -> Iterator[Path]:
        # scanimage writes NAME.part and renames it when the page is complete.
        for path in sorted(folder.glob(pattern)):
            if path not in seen:
                seen.add(path)
                yield path

    def _reported(self, child: "subprocess.Popen[bytes]") -> int | None:
        """The status that scanimage reported although it does not end, or None."""
        status = status_in(self._error_text())
        if status is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            return child.wait(GRACE_SECONDS)
        return status

    def _error_text(self) -> str:
        with suppress(OSError):
            return self._errors.read_text("utf-8", "replace")
        return ""

    @contextmanager
    def _started(
        self, arguments: Sequence[str], stdout: int
    ) -> Iterator["subprocess.Popen[bytes]"]:
        program = shutil.which(PROGRAM)
        if program is None:
            raise ScannerProblem(
                "scanner.driver-missing", f"{PROGRAM} is not on the PATH", install="sane-utils"
            )
        # The kernel kills it when this process is killed, so no scan goes on without a station.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self._errors.open("wb") as errors:
            child = subprocess.Popen(
                [*guard, program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=errors,
                env=self._environment,
                start_new_session=True,
            )
        try:
            yield child
        finally:
            _kill(child)
            child.wait()
            if child.stdout:
                child.stdout.close()

    def _problem(self, status: int) -> ScannerProblem:
        text = self._error_text().strip().splitlines()
        reported = status_in("\n".join(text)) or status
        last = next((line for line in reversed(text) if "sane_" in line or "scanimage" in line), "")
        if reported in SANE_STATUS and reported > 0:
            code, words = SANE_STATUS[reported]
            # A device that does not exist is an invalid argument to SANE, too.
            if reported in (4, 9) and "open of device" in last:
                code = "scanner.not-found"
            return ScannerProblem(code, f"SANE status {reported}: {words}. {last}".strip())
        return ScannerProblem("scanner.answer-invalid", f"scanimage ended with {status}. {last}")


def status_in(errors: str) -> int | None:
    """The SANE status that the messages of scanimage name, or None."""
    for line in errors.splitlines():
        match = _REPORTED.search(line)
        if match is None:
            continue
        text = _CANCELLED.sub("Operation was cancelled", match["text"])
        for number, (_, words) in SANE_STATUS.items():
            if words in text and number != STATUS_EOF:
                return number
    return None


def _kill(child: "subprocess.Popen[bytes]") -> None:
    """End a child with all that it started; Windows has no groups of processes."""
    if not hasattr(os, "killpg"):
        child.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


class _Silence:
    """Notices when a scan writes nothing for too long."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds
        self._last, self._since = self._size(), time.monotonic()

    def check(self) -> None:
        """Raises ScannerProblem after too long a silence."""
        size = self._size()
        if size != self._last:
            self._last, self._since = size, time.monotonic()
        elif time.monotonic() - self._since > self._seconds:
            found = f"the device sent nothing for {self._seconds:g} s; scanimage was stopped"
            raise ScannerProblem("scanner.timed-out", found)

    def _size(self) -> tuple[int, int]:
        sizes = []
        for path in self._folder.iterdir():
            with suppress(OSError):
                sizes.append(path.stat().st_size)
        return len(sizes), sum(sizes)
