"""The members of the tar of a package, hashed by further algorithms while they are read."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO, cast

from processors.package.bag import Tags
from processors.package.layout import Payload
from processors.package.tar_writer import Member, member_of
from processors.package_metadata.metadata_files import opened
from processors.tools import Tools


class _Hashed(io.BufferedIOBase):
    """A file whose digests are kept when it is closed."""

    def __init__(self, file: BinaryIO, path: str, digests: dict[str, dict[str, str]]) -> None:
        self._file, self._path, self._digests = file, path, digests
        self._hashes = {name: hashlib.new(name) for name in digests}

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = self._file.read(-1 if size is None else size)
        for one in self._hashes.values():
            one.update(chunk)
        return chunk

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            for name, one in self._hashes.items():
                self._digests[name][self._path] = one.hexdigest()
        super().close()


class BagMembers:
    """The members of the tar: the first tag files, the payload, the other tag files."""

    def __init__(self, tags: Tags, files: Sequence[Payload], tools: Tools) -> None:
        self._tags, self._files, self._tools = tags, files, tools
        self.sizes: dict[str, int] = {}
        """Size by path of what was written."""

    def __iter__(self) -> Iterator[Member]:
        """Tag files first, so that a reader can check the stream while it arrives."""
        for name, content in self._tags.first.items():
            yield self._counted(member_of(name, content))
        digests: dict[str, dict[str, str]] = {name: {} for name in self._tags.algorithms}
        for file in self._files:
            read = partial(self._opened, file, digests)
            yield self._counted(Member(file.path, file.sha256, file.size_bytes, read))
        for name, content in self._tags.last(digests).items():
            yield self._counted(member_of(name, content))

    def _counted(self, member: Member) -> Member:
        self.sizes[member.path] = member.size_bytes
        return member

    def _opened(self, file: Payload, digests: dict[str, dict[str, str]]) -> BinaryIO:
        source = opened(file, self._tools)
        return cast(BinaryIO, _Hashed(source, file.path, digests)) if digests else source
