"""Pre-flight at the station: the checks of the line, on files that are still in their folder."""

import shutil
from pathlib import Path

from infra.standards import present, standards_folder
from processors.manifest import check_manifest
from processors.outcome import ToolMissing
from processors.rules.document import text_findings
from processors.rules.manifest_view import View
from processors.rules.staged_files import delivered_file_findings
from schemas.models import Diagnostic
from streams.clients.station.folder import Delivery, ManifestFile


class FolderFiles:
    """The files of a delivery, read from its folder."""

    def __init__(self, files: list[ManifestFile]) -> None:
        self._files = {file.sha256: file for file in files}

    def size(self, sha256: str) -> int | None:
        """Size of a file in bytes, or None without such a file."""
        file = self._files.get(sha256)
        return file.size_bytes if file else None

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a file."""
        content = self._files[sha256].content
        return content if isinstance(content, bytes) else content.path.read_bytes()


def preflight(delivery: Delivery, profiles: Path | None = None) -> list[Diagnostic]:
    """Everything pre-flight finds in the manifest and records, each with its folder."""
    if not delivery.manifest.get("items"):
        return []
    view = View(delivery.manifest, profiles)
    _, found = check_manifest(view, list(text_findings(delivery.manifest)))
    standards = standards_folder()
    # Checks without their schemas here are left to pre-flight on a worker.
    schemas = standards if present(standards) else None
    found += delivered_file_findings(view, FolderFiles(delivery.files), schemas, lambda _: None)
    if shutil.which("tesseract"):
        from processors.rules.language_models import models_installed

        try:
            found += models_installed(view)
        except ToolMissing:
            pass
    return [_with_folder(one, delivery.folders) for one in found]


def _with_folder(one: Diagnostic, folders: list[str]) -> Diagnostic:
    number = one.where.removeprefix("items[").partition("]")[0]
    if not one.where.startswith("items[") or not number.isdecimal():
        return one
    return one.model_copy(update={"where": f"{one.where} ({folders[int(number)]})"})
