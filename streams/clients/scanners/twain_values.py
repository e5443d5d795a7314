"""Reads and writes the containers in which the values of a TWAIN capability travel."""

import ctypes as ct
from dataclasses import dataclass
from typing import Any

from streams.clients.scanners.capabilities import Choice, Steps, Values
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.scanners.twain_map import from_fix32, to_fix32
from streams.clients.scanners.twain_structures import (
    Array,
    Container,
    Enumeration,
    Fix32,
    Kind,
    OneValue,
    Range,
)

NUMBERS: dict[int, Any] = {
    Kind.INT8: ct.c_int8,
    Kind.INT16: ct.c_int16,
    Kind.INT32: ct.c_int32,
    Kind.UINT8: ct.c_uint8,
    Kind.UINT16: ct.c_uint16,
    Kind.UINT32: ct.c_uint32,
    Kind.BOOL: ct.c_uint16,
    Kind.FIX32: Fix32,
}
TEXT_BYTES = {Kind.STR32: 34, Kind.STR64: 66, Kind.STR128: 130, Kind.STR255: 256}
MAX_VALUES = 10_000


@dataclass(frozen=True)
class Offered:
    """The values of a capability: the current one, and those that can be set."""

    current: float | str
    values: Values | None = None
    """None for a text."""

    @property
    def number(self) -> float:
        """The current value as a number. Raises ScannerProblem for a text."""
        if isinstance(self.current, str):
            raise ScannerProblem("scanner.answer-invalid", f"{self.current!r} is not a number")
        return self.current


def read_values(container: int, address: int) -> Offered:
    """The values in a container at an address. Raises ScannerProblem for one that is unknown."""
    if container == Container.ONEVALUE:
        return _one_value(address)
    if container == Container.RANGE:
        limits = Range.from_address(address)
        least, most, step, _, current = (
            _item(limits.kind, address + offset) for offset in range(2, ct.sizeof(Range), 4)
        )
        return Offered(current, Steps(least, most, step))
    if container in (Container.ENUMERATION, Container.ARRAY):
        return _listed(container, address)
    raise ScannerProblem("scanner.answer-invalid", f"a container of type {container}")


def _one_value(address: int) -> Offered:
    kind = OneValue.from_address(address).kind
    if kind in TEXT_BYTES:
        text = ct.string_at(address + OneValue.item.offset, TEXT_BYTES[Kind(kind)])
        return Offered(text.partition(b"\0")[0].decode("utf-8", "replace"))
    current = _item(kind, address + OneValue.item.offset)
    return Offered(current, Choice((current,)))


def _listed(container: int, address: int) -> Offered:
    head: Any = Enumeration if container == Container.ENUMERATION else Array
    described = head.from_address(address)
    count = described.count
    if not 0 < count <= MAX_VALUES:
        raise ScannerProblem("scanner.answer-invalid", f"a capability with {count} values")
    size = ct.sizeof(_form(described.kind))
    first = address + ct.sizeof(head)
    items = [_item(described.kind, first + size * number) for number in range(count)]
    current = described.current if container == Container.ENUMERATION else 0
    if current >= count:
        raise ScannerProblem("scanner.answer-invalid", f"value {current} of {count} is current")
    return Offered(items[current], Choice(tuple(sorted(items))))


def _form(kind: int) -> Any:
    if kind not in NUMBERS:
        raise ScannerProblem("scanner.answer-invalid", f"a value of type {kind}")
    return NUMBERS[kind]


def _item(kind: int, address: int) -> float:
    found = _form(kind).from_address(address)
    return from_fix32(found.whole, found.fraction) if kind == Kind.FIX32 else found.value


def one_value(kind: int, value: float) -> bytes:
    """A container with one number. Raises ValueError for one that it cannot hold."""
    if kind == Kind.FIX32:
        whole, fraction = to_fix32(value)
        item = bytes(Fix32(whole, fraction))
    else:
        item = bytes(_form(kind)(int(value))).ljust(4, b"\0")
    return kind.to_bytes(2, "little") + item
