"""Headers whose names are no text: Kafka allows any bytes, and clients in C or Go may send them.

Python's clients raise at such a message again and again, and nothing behind it is ever read.
aiokafka gets a reader of its own for it, which fits one version and refuses any other
(docs/decisions/0016)."""

from importlib.metadata import version
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record import memory_records
from aiokafka.record.default_records import _DefaultRecordBatchPy

FITS = "0.14.0"


class WrongAiokafka(RuntimeError):
    """The reader was written for another version of aiokafka."""


def install_reader() -> None:
    """Let aiokafka read every name. Raises WrongAiokafka on any version but the one it fits."""
    if version("aiokafka") != FITS:
        raise WrongAiokafka(f"it fits aiokafka {FITS}, found {version('aiokafka')}")
    # The compiled classes cannot be told how to decode.
    setattr(memory_records, "DefaultRecordBatch", Batch)  # noqa: B010 - these are another's
    setattr(fetcher, "MemoryRecords", memory_records._MemoryRecordsPy)  # noqa: B010


class Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """Records of one batch; bytes that are no UTF-8 stand in a name as backslash escapes."""

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
