"""A TWAIN data source manager with one source, behind a function of the real signature.

It keeps the state of the protocol and refuses an operation that is not permitted in it. What a test
changes is an attribute; faults come by script."""

import ctypes as ct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from streams.clients.scanners import twain_map
from streams.clients.scanners.twain_session import Manager
from streams.clients.scanners.twain_structures import (
    CONTROL,
    DSM2,
    ENTRY,
    IMAGE,
    Answer,
    Capability,
    Container,
    Dat,
    EntryPoint,
    Event,
    FileTransfer,
    Fix32,
    Identity,
    ImageInfo,
    Kind,
    Msg,
    PendingTransfers,
    Status,
)

NAME = "Acme Flat 9"
BADVALUE, BADCAP, SEQERROR, NODS = 10, 6, 11, 3
NOT_KNOWN = 0xFFFF
WIDTH, HEIGHT = 37, 21
PERMITTED = {
    (Dat.PARENT, Msg.OPENDSM): (2,),
    (Dat.PARENT, Msg.CLOSEDSM): (3,),
    (Dat.ENTRYPOINT, Msg.GET): (3,),
    (Dat.IDENTITY, Msg.GETFIRST): (3,),
    (Dat.IDENTITY, Msg.GETNEXT): (3,),
    (Dat.IDENTITY, Msg.OPENDS): (3,),
    (Dat.IDENTITY, Msg.CLOSEDS): (4,),
    (Dat.CAPABILITY, Msg.GET): (4, 5, 6, 7),
    (Dat.CAPABILITY, Msg.GETCURRENT): (4, 5, 6, 7),
    (Dat.CAPABILITY, Msg.SET): (4,),
    (Dat.USERINTERFACE, Msg.ENABLEDS): (4,),
    (Dat.USERINTERFACE, Msg.DISABLEDS): (5,),
    (Dat.EVENT, Msg.PROCESSEVENT): (5, 6),
    (Dat.IMAGEINFO, Msg.GET): (6,),
    (Dat.SETUPFILEXFER, Msg.SET): (4, 5, 6),
    (Dat.IMAGENATIVEXFER, Msg.GET): (6,),
    (Dat.IMAGEFILEXFER, Msg.GET): (6,),
    (Dat.PENDINGXFERS, Msg.ENDXFER): (7,),
    (Dat.PENDINGXFERS, Msg.RESET): (6,),
}
"""The states in which each operation is permitted (chapter 7, valid states)."""


class Memory:
    """Handles that are not addresses, and an account of what is allocated and locked."""

    def __init__(self) -> None:
        self.blocks: dict[int, Any] = {}
        self.locked: list[int] = []
        self._last = 0

    def allocate(self, size: int) -> int:
        self._last += 1
        self.blocks[self._last] = ct.create_string_buffer(size)
        return self._last

    def lock(self, handle: int) -> int:
        self.locked.append(handle)
        return ct.addressof(self.blocks[handle])

    def unlock(self, handle: int) -> None:
        self.locked.remove(handle)

    def free(self, handle: int) -> None:
        assert handle not in self.locked, "freed while it is locked"
        del self.blocks[handle]


@dataclass
class Value:
    """A capability of the source."""

    kind: Kind
    current: Any
    values: list[float] | None = None
    """As a list; None: one value."""
    limits: tuple[float, float, float] | None = None
    """As a range."""
    is_read_only: bool = False
    becomes: Callable[[float], float] = lambda value: value
    """What the source makes of a value that is set."""


def usual_capabilities() -> dict[int, Value]:
    flag, number, fixed = Kind.BOOL, Kind.UINT16, Kind.FIX32
    return {
        twain_map.XFERCOUNT: Value(Kind.INT16, -1),
        twain_map.FEEDERENABLED: Value(flag, 0, [0, 1]),
        twain_map.DUPLEXENABLED: Value(flag, 0, [0, 1]),
        0x1012: Value(number, 1, is_read_only=True),
        0x1003: Value(flag, 0, is_read_only=True),
        0x1024: Value(Kind.STR255, "SN-4711", is_read_only=True),
        twain_map.UNITS: Value(number, 0, [0]),
        twain_map.PIXELTYPE: Value(number, 0, [0, 1, 2]),
        twain_map.BITDEPTH: Value(number, 1, [1]),
        twain_map.PIXELFLAVOR: Value(number, 0, [0, 1]),
        twain_map.XRESOLUTION: Value(fixed, 100, limits=(50, 1200, 1)),
        twain_map.YRESOLUTION: Value(fixed, 100, limits=(50, 1200, 1)),
        0x1111: Value(fixed, 8.5, is_read_only=True),
        0x1112: Value(fixed, 11.7, is_read_only=True),
        twain_map.XFERMECH: Value(number, 0, [0]),
        0x010C: Value(number, 2, [2]),
    }


@dataclass
class SourceManager:
    """The manager and its source."""

    is_version_2: bool = True
    depths: dict[int, list[float]] = field(default_factory=lambda: {0: [1], 1: [8], 2: [24]})
    """ICAP_BITDEPTH by ICAP_PIXELTYPE."""
    capabilities: dict[int, Value] = field(default_factory=usual_capabilities)
    sheets: int = 3
    faults: dict[int, int | str] = field(default_factory=dict)
    """By number of the page, from 1: a condition code, `cancel` or `close`; at 0: on enabling."""
    tells_count: bool = True
    """Whether pending transfers are counted or only stated as 0xFFFF."""
    is_silent: bool = False

    def __post_init__(self) -> None:
        self.state, self.condition, self.pages = 2, 0, 0
        self.memory, self.violations = Memory(), list[str]()
        self.passed_on = 0
        self.file = b""
        self._message, self._seen = ct.c_int(), 0
        self._functions: list[Any] = []
        self.entry = ENTRY(self._entry)

    def manager(self) -> Manager:
        """The manager as the driver gets it."""
        memory: Any = self.memory if not self.is_version_2 else None
        return Manager(self.entry, memory, self._next_event, self._pass_on)

    @property
    def is_clean(self) -> bool:
        """Whether everything is closed and no memory is left, and nothing came in a wrong order."""
        return (self.state, self.memory.blocks, self.violations) == (2, {}, [])

    def number(self, capability: int) -> Any:
        return self.capabilities[capability].current

    def _next_event(self, seconds: float) -> int | None:
        return None if self.is_silent else ct.addressof(self._message)

    def _pass_on(self, _: int) -> None:
        self.passed_on += 1

    def _entry(self, own: Any, to: Any, group: int, dat: int, message: int, data: int) -> int:
        if dat == Dat.STATUS:
            Status.from_address(data).condition, self.condition = self.condition, 0
            return Answer.SUCCESS
        operation = (Dat(dat), Msg(message))
        if self.state not in PERMITTED.get(operation, ()):
            self.violations.append(f"{operation[0].name} {operation[1].name} in state {self.state}")
            return self._failed(SEQERROR)
        if group != (IMAGE if dat >= 0x100 and dat < 0x400 else CONTROL):
            self.violations.append(f"{operation[0].name} in group {group}")
            return self._failed(SEQERROR)
        name = f"_{operation[0].name.lower()}"
        return int(getattr(self, name)(operation[1], data, own))

    def _failed(self, condition: int) -> int:
        self.condition = condition
        return Answer.FAILURE

    def _parent(self, message: Msg, data: int, own: Any) -> int:
        self.state = 3 if message is Msg.OPENDSM else 2
        if message is Msg.OPENDSM and self.is_version_2:
            own.contents.supported_groups |= DSM2
        return Answer.SUCCESS

    def _entrypoint(self, message: Msg, data: int, own: Any) -> int:
        point = EntryPoint.from_address(data)
        for name, function in (
            ("allocate", self.memory.allocate),
            ("lock", self.memory.lock),
            ("unlock", self.memory.unlock),
            ("free", self.memory.free),
        ):
            form = dict(EntryPoint._fields_)[name]
            self._functions.append(form(function))
            setattr(point, name, self._functions[-1])
        return Answer.SUCCESS

    def _identity(self, message: Msg, data: int, own: Any) -> int:
        identity = Identity.from_address(data)
        if message is Msg.GETNEXT:
            return Answer.ENDOFLIST
        if message is Msg.OPENDS and identity.product_name.decode() != NAME:
            return self._failed(NODS)
        if message is Msg.CLOSEDS:
            self.state = 3
            return Answer.SUCCESS
        identity.manufacturer, identity.product_name = b"Acme", NAME.encode()
        identity.version.major, identity.version.minor, identity.version.info = 4, 2, b"r7"
        identity.protocol_major, identity.protocol_minor = 2, 3
        if message is Msg.OPENDS:
            self.state = 4
        return Answer.SUCCESS

    def _capability(self, message: Msg, data: int, own: Any) -> int:
        capability = Capability.from_address(data)
        known = self.capabilities.get(capability.number)
        if known is None:
            return self._failed(BADCAP)
        if message is Msg.SET:
            return self._set(capability, known)
        listed = message is Msg.GET
        content, container = _contained(known, listed)
        capability.container, capability.handle = container, self.memory.allocate(len(content))
        ct.memmove(self.memory.blocks[capability.handle], content, len(content))
        return Answer.SUCCESS

    def _set(self, capability: Capability, known: Value) -> int:
        raw = self.memory.blocks[capability.handle].raw
        assert capability.container == Container.ONEVALUE and raw[0] == known.kind
        value = _value(known.kind, raw[2:6])
        allowed = known.values is None or value in known.values
        if known.limits is not None:
            allowed = known.limits[0] <= value <= known.limits[1]
        if known.is_read_only or not allowed:
            return self._failed(BADVALUE)
        known.current = known.becomes(value)
        if capability.number == twain_map.PIXELTYPE:
            depths = self.depths[int(known.current)]
            self.capabilities[twain_map.BITDEPTH] = Value(Kind.UINT16, depths[0], depths)
        return Answer.SUCCESS if known.current == value else Answer.CHECKSTATUS

    def _userinterface(self, message: Msg, data: int, own: Any) -> int:
        fault = self.faults.get(0)
        if message is Msg.ENABLEDS and isinstance(fault, int):
            return self._failed(fault)
        if message is Msg.ENABLEDS:
            self.pages = 0
        self.state = 5 if message is Msg.ENABLEDS else 4
        return Answer.SUCCESS

    def _event(self, message: Msg, data: int, own: Any) -> int:
        event = Event.from_address(data)
        self._seen += 1
        if self._seen % 2:  # Most messages are for other windows.
            return Answer.NOTDSEVENT
        if self.faults.get(0) == "close":
            event.message = Msg.CLOSEDSREQ
        elif self.state == 5:
            event.message, self.state = Msg.XFERREADY, 6
        return Answer.DSEVENT

    def _imageinfo(self, message: Msg, data: int, own: Any) -> int:
        info = ImageInfo.from_address(data)
        for name in ("x_resolution", "y_resolution"):
            whole, fraction = twain_map.to_fix32(self.number(twain_map.XRESOLUTION))
            setattr(info, name, Fix32(whole, fraction))
        info.width, info.length = WIDTH, HEIGHT
        return Answer.SUCCESS

    def _setupfilexfer(self, message: Msg, data: int, own: Any) -> int:
        self.file = FileTransfer.from_address(data).name
        return Answer.SUCCESS

    def _imagenativexfer(self, message: Msg, data: int, own: Any) -> int:
        return self._image(lambda: self._give_bitmap(data))

    def _imagefilexfer(self, message: Msg, data: int, own: Any) -> int:
        return self._image(self._write_file)

    def _image(self, give: Callable[[], None]) -> int:
        fault = self.faults.get(self.pages + 1)
        if isinstance(fault, int):
            return self._failed(fault)
        self.state = 7
        if fault == "cancel":
            return Answer.CANCEL
        self.pages += 1
        give()
        return Answer.XFERDONE

    def _pixel_type(self) -> int:
        return int(self.number(twain_map.PIXELTYPE))

    def _give_bitmap(self, data: int) -> None:
        content = bitmap(picture(self._pixel_type(), self.pages), self._pixel_type())
        handle = self.memory.allocate(len(content))
        ct.memmove(self.memory.blocks[handle], content, len(content))
        ct.c_void_p.from_address(data).value = handle

    def _write_file(self) -> None:
        dpi = self.number(twain_map.XRESOLUTION)
        image = pyvips.Image.new_from_array(picture(self._pixel_type(), self.pages))
        image = image.copy(interpretation="srgb" if image.bands == 3 else "b-w")
        Path(self.file.decode()).write_bytes(
            image.tiffsave_buffer(xres=dpi / 25.4, yres=dpi / 25.4)
        )

    def _pendingxfers(self, message: Msg, data: int, own: Any) -> int:
        pending = PendingTransfers.from_address(data)
        wanted = self.number(twain_map.XFERCOUNT)
        left = 0
        if message is Msg.ENDXFER and self.number(twain_map.FEEDERENABLED):
            left = max(0, self.sheets - self.pages)
            left = left if wanted < 0 else min(left, wanted - self.pages)
        pending.count = left if self.tells_count or not left else NOT_KNOWN
        self.state = 6 if left else 5
        return Answer.SUCCESS


def picture(pixel_type: int, number: int) -> np.ndarray:
    """The pixels of a page, other ones for each number, with RGB in this order."""
    grid = np.add.outer(np.arange(HEIGHT) * 3, np.arange(WIDTH) * 5 + number)
    if pixel_type == 2:
        return np.stack([grid % 256, (grid * 2) % 256, (grid * 3) % 256], axis=2).astype(np.uint8)
    grey = (grid % 256).astype(np.uint8)
    return np.where(grey > 100, 255, 0).astype(np.uint8) if pixel_type == 0 else grey


def bitmap(pixels: np.ndarray, pixel_type: int) -> bytes:
    """A bitmap of Windows: rows from the bottom, each of whole words, blue first."""
    bits = {0: 1, 1: 8, 2: 24}[pixel_type]
    height, width = pixels.shape[:2]
    header = np.array([40, width, height], "<i4").tobytes()
    header += np.array([1, bits], "<u2").tobytes() + bytes(24)
    palette = b""
    if bits == 1:
        palette, rows = b"\0\0\0\0\xff\xff\xff\0", np.packbits(pixels > 0, axis=1)
    elif bits == 8:
        palette = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))
        rows = pixels
    else:
        rows = pixels[:, :, ::-1].reshape(height, -1)
    stride = -(-rows.shape[1] // 4) * 4
    body = b"".join(bytes(row).ljust(stride, b"\xee") for row in rows[::-1])
    return header + palette + body


def _contained(known: Value, listed: bool) -> tuple[bytes, Container]:
    kind = int(known.kind).to_bytes(2, "little")
    if known.kind is Kind.STR255:
        return kind + known.current.encode().ljust(256, b"\0"), Container.ONEVALUE
    if listed and known.limits is not None:
        least, most, step = known.limits
        items = (least, most, step, known.current, known.current)
        return kind + b"".join(_raw(known.kind, one) for one in items), Container.RANGE
    if listed and known.values is not None:
        head = np.array([len(known.values), known.values.index(known.current), 0], "<u4").tobytes()
        size = 4 if known.kind in (Kind.FIX32, Kind.INT32, Kind.UINT32) else 2
        values = b"".join(_raw(known.kind, one)[:size] for one in known.values)
        return kind + head + values, Container.ENUMERATION
    return kind + _raw(known.kind, known.current), Container.ONEVALUE


def _raw(kind: Kind, value: float) -> bytes:
    if kind is Kind.FIX32:
        whole, fraction = twain_map.to_fix32(value)
        return bytes(Fix32(whole, fraction))
    return int(value).to_bytes(4, "little", signed=True)


def _value(kind: Kind, raw: bytes) -> float:
    if kind is Kind.FIX32:
        number = Fix32.from_buffer_copy(raw)
        return twain_map.from_fix32(number.whole, number.fraction)
    return int.from_bytes(raw[:2], "little", signed=kind is Kind.INT16)
