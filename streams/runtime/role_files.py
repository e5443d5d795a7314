"""The small files of a running role: its pid, whether it is ready, what it waits for.

They are not durable: every start of a role writes them again."""

import os
from pathlib import Path

from infra.files import write_atomic
from streams.settings import Settings


def role_file(settings: Settings, role: str, kind: str) -> Path:
    """A small file of a role: `json` who it is, `ready`, `alive`, `note` what it waits for."""
    return settings.run / "roles" / f"{role}.{kind}"


def announce_ready(settings: Settings, role: str) -> None:
    """Tell the supervisor that a role takes work."""
    ready = role_file(settings, role, "ready")
    ready.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(ready, str(os.getpid()), durable=False)


def noted(settings: Settings, role: str) -> str | None:
    """What a role waits for, in its words; None when it waits for nothing."""
    try:
        return role_file(settings, role, "note").read_text("utf-8") or None
    except FileNotFoundError:
        return None


def note(settings: Settings, role: str, text: str) -> None:
    """Leave word for people of what a role waits for; an empty text takes it back."""
    place = role_file(settings, role, "note")
    if text:
        write_atomic(place, text, durable=False)
    else:
        place.unlink(missing_ok=True)
