"""Reads header names that are not UTF-8: Kafka allows any bytes, and C or Go clients may send them.

Python clients raise an error at such a message on each read and never reach the messages after it.
This reader for aiokafka accepts one version only (docs/decisions/0016)."""

from importlib.metadata import version
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record import memory_records
from aiokafka.record.default_records import _DefaultRecordBatchPy

SUPPORTED = "0.14.0"


class WrongAiokafka(RuntimeError):
    """The installed version of aiokafka is not the one that the reader was written for."""


def install_reader() -> None:
    """Let aiokafka read every header name. Raises WrongAiokafka on any other version."""
    if version("aiokafka") != SUPPORTED:
        raise WrongAiokafka(f"the reader fits aiokafka {SUPPORTED}, found {version('aiokafka')}")
    # The compiled classes have no option for the decoding.
    setattr(memory_records, "DefaultRecordBatch", Batch)  # noqa: B010 - of another package
    setattr(fetcher, "MemoryRecords", memory_records._MemoryRecordsPy)  # noqa: B010


class Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """Records of one batch; bytes that are not UTF-8 become backslash escapes in a name."""

    _buffer: bytearray

    def _read_msg(self, *given: Any) -> Any:
        try:
            return super()._read_msg(*given)
        except UnicodeDecodeError:
            strict, self._buffer = self._buffer, _Lenient(self._buffer)
            try:
                return super()._read_msg(*given)
            finally:
                self._buffer = strict


class _Lenient(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Name(found) if isinstance(found, bytearray) else found


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "") -> str:
        return super().decode(encoding, "backslashreplace")
