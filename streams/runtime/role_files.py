"""The small files of a running role: who it is, whether it is ready, what it waits for."""

import os
from pathlib import Path

from streams.settings import Settings


def role_file(settings: Settings, role: str, kind: str) -> Path:
    """A small file of a role: `json` who it is, `ready`, `alive`, `note` what it waits for."""
    return settings.run / "roles" / f"{role}.{kind}"


def announce_ready(settings: Settings, role: str) -> None:
    """Tell the supervisor that a role takes work."""
    ready = role_file(settings, role, "ready")
    ready.parent.mkdir(parents=True, exist_ok=True)
    partial = ready.with_name(f".{role}.{os.getpid()}")
    partial.write_text(str(os.getpid()))
    partial.replace(ready)


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
        place.write_text(text)
    else:
        place.unlink(missing_ok=True)
