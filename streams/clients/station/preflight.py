"""Pre-flight at the station: the same checks as on the line, with files still in their folder."""

import shutil
from pathlib import Path

from infra.standards import present, standards_folder
from processors.manifest import judge
from processors.outcome import ToolCrashed
from processors.rules.manifest_view import View
from processors.rules.staged_files import files_arrived
from schemas.models import Diagnostic
from streams.clients.station.folder import Delivery, DeliveryFolder

PROFILES = "profiles"
"""Folder of the institution's own profiles and rule files, in a home."""


class InFolder:
    """The files of a delivery where the sender has them."""

    def __init__(self, sources: list[DeliveryFolder]) -> None:
        self._sources = {source.sha256: source for source in sources}

    def size(self, sha256: str) -> int | None:
        """Length in bytes, or None when there is no such file."""
        source = self._sources.get(sha256)
        return source.size_bytes if source else None

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a file."""
        content = self._sources[sha256].content
        return content if isinstance(content, bytes) else content.path.read_bytes()


def preflight(delivery: Delivery, profiles: Path | None = None) -> list[Diagnostic]:
    """What pre-flight will find in the manifest and records, with the folder it was found in."""
    if not delivery.manifest.get("items"):
        return []
    view = View(delivery.manifest, profiles)
    _, found = judge(view)
    standards = standards_folder()
    # What this machine has not, the line's workers have, and will judge by.
    judged_by = standards if present(standards) else None
    found += files_arrived(view, InFolder(delivery.sources), judged_by, lambda _: None)
    if shutil.which("tesseract"):
        from processors.rules.language_models import models_installed

        try:
            found += models_installed(view)
        except ToolCrashed:
            pass
    return [_placed(one, delivery.folders) for one in found]


def _placed(one: Diagnostic, folders: list[str]) -> Diagnostic:
    number = one.where.removeprefix("items[").partition("]")[0]
    if not one.where.startswith("items[") or not number.isdecimal():
        return one
    return one.model_copy(update={"where": f"{one.where} ({folders[int(number)]})"})
