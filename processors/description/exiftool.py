"""One exiftool that stays open: started when first asked, started again when it died or hung."""

import contextlib
import json
import os
import selectors
import subprocess
from pathlib import Path
from typing import Any

from processors.outcome import ToolCrashed, ToolHung

GUARDED = Path(__file__).parent / "bin" / "exiftool"
"""exiftool without a user's configuration, killed when its caller dies."""
ASKED = ("-json", "-G1", "-n", "-struct", "-charset", "filename=utf8")
"""JSON with the group of each tag, numbers as they are, XMP structures whole."""
ANSWER_SECONDS = 60.0
FILES_BEFORE_RENEWAL = 2000
READY = b"{ready}"


class Exiftool:
    """A running exiftool; not to be used by two threads at once."""

    def __init__(self, program: Path = GUARDED, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Nothing is started yet."""
        self._program, self._answer_seconds = program, answer_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def read(self, path: Path) -> dict[str, Any]:
        """All tags of a file by `group:name`. Raises ToolHung and ToolCrashed."""
        if self._asked >= FILES_BEFORE_RENEWAL:
            self.close()
        self._asked += 1
        answer = self._ask([*ASKED, os.path.abspath(path)])
        try:
            # Files carry texts in any encoding, control characters too; none of it may matter.
            (tags,) = json.loads(answer.decode("utf-8", "replace"), strict=False)
        except ValueError:
            self.close()
            said = answer[:200].decode(errors="replace")
            raise ToolCrashed(f"exiftool gave no JSON: {said!r}") from None
        return dict(tags)

    def version(self) -> str:
        """Such as 12.57. Raises ToolHung and ToolCrashed."""
        return self._ask(["-ver"]).decode(errors="replace").strip()

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process, self._asked = self._process, None, 0
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]

    def _ask(self, words: list[str]) -> bytes:
        started_before = self._process is not None
        try:
            return self._exchange(words)
        except ToolCrashed:
            if not started_before:
                raise
            return self._exchange(words)  # it died meanwhile, for a reason that may be past

    def _exchange(self, words: list[str]) -> bytes:
        process = self._process or self._start()
        command = "\n".join([*words, "-execute\n"]).encode()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(command)
            process.stdin.flush()
            return self._answer(process.stdout.fileno())
        except OSError as gone:
            self.close()
            raise ToolCrashed(f"exiftool went away: {gone}") from None

    def _start(self) -> "subprocess.Popen[bytes]":
        try:
            self._process = subprocess.Popen(
                [str(self._program), "-stay_open", "True", "-@", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as missing:
            raise ToolCrashed(f"exiftool does not start: {missing}") from None
        return self._process

    def _answer(self, pipe: int) -> bytes:
        """All until the word that says that the answer is whole. Raises OSError at its end."""
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while READY not in answer[-64:]:
                if not selector.select(self._answer_seconds):
                    self.close()
                    raise ToolHung(f"exiftool gave no answer in {self._answer_seconds:.0f} s")
                chunk = os.read(pipe, 1 << 16)
                if not chunk:
                    raise OSError("its output ended")
                answer += chunk
        return bytes(answer[: answer.rindex(READY)])
