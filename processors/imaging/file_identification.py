"""Identifies the format of a file, including raw camera files based on TIFF."""

from pathlib import Path

from processors.imaging import raw_camera
from processors.imaging.format_identification import HEAD_BYTES, Format, identify


def identify_file(path: Path) -> Format | None:
    """The format of a file by its first bytes and, for TIFF, its directories. Raises OSError."""
    with path.open("rb") as stream:
        format_ = identify(stream.read(HEAD_BYTES))
    if format_ is not None and format_.family == "tiff":
        return raw_camera.identify(path) or format_
    return format_
