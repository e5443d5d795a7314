"""The small files of a running role: its process, whether it is ready, what it waits for.

They are not durable: every start of a role writes them again."""

import os
from contextlib import suppress
from pathlib import Path

from infra.files import write_atomic
from streams.settings import Settings


def role_file(settings: Settings, role: str, kind: str) -> Path:
    """A file of a role: `json` its process, `ready`, `alive`, or `note` what it waits for."""
    return settings.run / "roles" / f"{role}.{kind}"


def announce_ready(settings: Settings, role: str) -> None:
    """Tell the supervisor that a role accepts work."""
    ready = role_file(settings, role, "ready")
    ready.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(ready, str(os.getpid()), durable=False)


def wait_reason(settings: Settings, role: str) -> str | None:
    """What a role waits for, as text for people; None when it waits for nothing."""
    try:
        return role_file(settings, role, "note").read_text("utf-8") or None
    except FileNotFoundError:
        return None


class WaitReasons:
    """What a role waits for now: one text for each subject, all in the role's note file."""

    def __init__(self, settings: Settings, role: str) -> None:
        """Removes the note of an earlier process."""
        self._file = role_file(settings, role, "note")
        self._reasons: dict[str, str] = {}
        self.set("", "")

    def set(self, subject: str, reason: str) -> None:
        """Replace the reason of a subject; an empty text removes it."""
        self._reasons[subject] = reason
        text = "; ".join(filter(None, self._reasons.values()))
        if not text:
            self._file.unlink(missing_ok=True)
            return
        # What waits for space must not end because the disk has none for its note.
        with suppress(OSError):
            write_atomic(self._file, text, durable=False)
