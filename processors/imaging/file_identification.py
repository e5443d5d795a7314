"""Identifies the format of a file, also of raw camera files that begin like any TIFF."""

from pathlib import Path

from processors.imaging import raw_camera
from processors.imaging.format_identification import HEAD_BYTES, Format, identify


def identify_file(path: Path) -> Format | None:
    """The format that a file's first bytes show; for TIFF, also its directories. Raises OSError."""
    with path.open("rb") as stream:
        format_ = identify(stream.read(HEAD_BYTES))
    if format_ is not None and format_.family == "tiff":
        return raw_camera.identify(path) or format_
    return format_
