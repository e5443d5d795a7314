"""Writes a PDF file object by object, so that memory does not grow with its pages."""

import hashlib
import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from processors.pdf.syntax import Name, Reference, written

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
"""The second line marks the file as binary (ISO 19005-2, 6.1.2)."""
CHUNK = 1 << 20
COMPRESSION = 6
ID_BYTES = 16


class PdfFile:
    """A file that is being written. Each reserved object is written once, in any order."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self._digest = hashlib.sha256()
        self._offsets = array("Q", [0])
        self._put(HEADER)

    def reserve(self) -> Reference:
        """A reference to an object that is written later."""
        self._offsets.append(0)
        return Reference(len(self._offsets) - 1)

    def add(self, value: Any) -> Reference:
        """Write a new object."""
        reference = self.reserve()
        self.write(reference, value)
        return reference

    def write(self, reference: Reference, value: Any) -> None:
        """Write a reserved object."""
        self._begin(reference)
        self._put(written(value) + b"\nendobj\n")

    def add_stream(
        self, content: bytes, entries: Mapping[str, Any], *, compressed: bool = True
    ) -> Reference:
        """Write a new stream from memory."""
        reference = self.reserve()
        self.write_stream(reference, content, entries, compressed=compressed)
        return reference

    def write_stream(
        self,
        reference: Reference,
        content: bytes,
        entries: Mapping[str, Any],
        *,
        compressed: bool = True,
    ) -> None:
        """Write a reserved stream from memory."""
        if compressed:
            content = zlib.compress(content, COMPRESSION)
            entries = {**entries, "Filter": Name("FlateDecode")}
        self._begin(reference)
        self._put(written({**entries, "Length": len(content)}) + b"\nstream\n")
        self._put(content)
        self._put(b"\nendstream\nendobj\n")

    def add_stream_of(self, path: Path, entries: Mapping[str, Any]) -> Reference:
        """Write a new stream with the bytes of a file, part by part."""
        reference, size = self.reserve(), path.stat().st_size
        self._begin(reference)
        self._put(written({**entries, "Length": size}) + b"\nstream\n")
        with path.open("rb") as source:
            while part := source.read(CHUNK):
                self._put(part)
        self._put(b"\nendstream\nendobj\n")
        return reference

    def finish(self, root: Reference, info: Reference) -> None:
        """Write the cross-reference table and the trailer.

        The identifier of the file is made of its bytes, so that equal content gives equal files
        (ISO 32000-1, 14.4)."""
        identifier = self._digest.digest()[:ID_BYTES]
        start, count = self._position, len(self._offsets)
        unwritten = [number for number in range(1, count) if not self._offsets[number]]
        if unwritten:
            raise ValueError(f"objects {unwritten[:5]} were reserved and not written")
        self._put(b"xref\n0 %d\n0000000000 65535 f \n" % count)
        for number in range(1, count):
            self._put(b"%010d 00000 n \n" % self._offsets[number])
        trailer = {"Size": count, "Root": root, "Info": info, "ID": [identifier, identifier]}
        self._put(b"trailer\n" + written(trailer) + b"\nstartxref\n%d\n%%%%EOF\n" % start)

    def _begin(self, reference: Reference) -> None:
        if self._offsets[reference.number]:
            raise ValueError(f"object {reference.number} was written before")
        self._offsets[reference.number] = self._position
        self._put(b"%d 0 obj\n" % reference.number)

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)
        self._position += len(content)
