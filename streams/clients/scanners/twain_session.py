"""One conversation with a TWAIN source, through the seven states of the protocol."""

import ctypes as ct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol

from streams.clients.scanners import twain_values
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.scanners.twain_map import TWAIN_CONDITIONS
from streams.clients.scanners.twain_structures import (
    APP2,
    CONTROL,
    DSM2,
    IMAGE,
    Answer,
    Capability,
    Container,
    Dat,
    EntryPoint,
    Event,
    FileTransfer,
    Identity,
    ImageInfo,
    Msg,
    PendingTransfers,
    Status,
    UserInterface,
)
from streams.clients.scanners.twain_values import Offered

TIFF = 0
"""TWFF_TIFF."""
NOT_MINE = Answer.NOTDSEVENT


class State(IntEnum):
    """The states of the protocol, as the specification numbers them."""

    LOADED = 2
    MANAGER_OPEN = 3
    SOURCE_OPEN = 4
    ENABLED = 5
    READY = 6
    TRANSFERRING = 7


class Memory(Protocol):
    """The memory in which values and images travel."""

    def allocate(self, size: int) -> int:
        """The handle of new memory."""

    def lock(self, handle: int) -> int:
        """The address of the memory."""

    def unlock(self, handle: int) -> None:
        """The address is not used any more."""

    def free(self, handle: int) -> None:
        """The memory is not used any more."""


@dataclass(frozen=True)
class Manager:
    """A data source manager as a system has it."""

    entry: Callable[..., int]
    """Its only function, DSM_Entry."""
    memory: Memory
    """Memory for a manager of TWAIN 1; one of TWAIN 2 brings its own."""
    next_event: Callable[[float], int | None]
    """The address of the next message of the window system, or None if none comes in this time."""
    pass_on: Callable[[int], None] = lambda _: None
    """Gives a message that is not for the source back to the window system."""
    window: int = 0


class DsmMemory:
    """The memory of a manager of TWAIN 2."""

    def __init__(self, point: EntryPoint) -> None:
        self.allocate: Callable[[int], int] = point.allocate
        self.lock: Callable[[int], int] = point.lock
        self.unlock: Callable[[int], None] = point.unlock
        self.free: Callable[[int], None] = point.free


class TwainSession:
    """A conversation. Each operation is permitted in one state only; `close` ends it from any."""

    def __init__(self, manager: Manager, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = State.LOADED
        self._manager, self._memory, self._clock = manager, manager.memory, clock
        self._own = Identity(
            protocol_major=2,
            protocol_minor=4,
            supported_groups=CONTROL | IMAGE | APP2,
            manufacturer=b"copystand",
            product_family=b"copystand",
            product_name=b"copystand",
        )
        self.source: Identity | None = None
        """The source that is open."""

    def open_manager(self) -> None:
        """State 2 to 3. Raises ScannerProblem."""
        window = ct.c_void_p(self._manager.window)
        self._control(Dat.PARENT, Msg.OPENDSM, window, to_manager=True)
        self.state = State.MANAGER_OPEN
        if self._own.supported_groups & DSM2:
            point = EntryPoint(size=ct.sizeof(EntryPoint))
            self._control(Dat.ENTRYPOINT, Msg.GET, point, to_manager=True)
            self._memory = DsmMemory(point)

    def sources(self) -> Iterator[Identity]:
        """The sources that are installed."""
        message = Msg.GETFIRST
        while True:
            found = Identity()
            answer = self._call(None, CONTROL, Dat.IDENTITY, message, found)
            if answer == Answer.ENDOFLIST:
                return
            self._expect(answer, "the list of sources", None)
            yield found
            message = Msg.GETNEXT

    def open_source(self, name: str) -> None:
        """State 3 to 4. Raises ScannerProblem."""
        source = Identity(product_name=name.encode()[:33])
        self._control(Dat.IDENTITY, Msg.OPENDS, source, to_manager=True)
        self.source, self.state = source, State.SOURCE_OPEN

    def get(self, number: int, message: Msg = Msg.GET) -> Offered | None:
        """The values of a capability, or None if the source does not have it."""
        capability = Capability(number=number, container=0xFFFF)
        answer = self._call(self.source, CONTROL, Dat.CAPABILITY, message, capability)
        if answer == Answer.FAILURE:
            self._condition(self.source)  # Reading it also clears it.
            return None
        self._expect(answer, f"capability {number:#06x}", self.source)
        try:
            with self._locked(capability.handle) as address:
                return twain_values.read_values(capability.container, address)
        finally:
            self._memory.free(capability.handle)

    def current(self, number: int) -> Offered | None:
        """The current value of a capability as the source reports it, or None."""
        return self.get(number, Msg.GETCURRENT)

    def set(self, number: int, kind: int, value: float) -> bool:
        """Set a capability; returns whether the source took the value, maybe changed
        (TWRC_CHECKSTATUS): only `current` says which value it has."""
        content = twain_values.one_value(kind, value)
        handle = self._memory.allocate(len(content))
        try:
            with self._locked(handle) as address:
                ct.memmove(address, content, len(content))
            capability = Capability(number=number, container=Container.ONEVALUE, handle=handle)
            answer = self._call(self.source, CONTROL, Dat.CAPABILITY, Msg.SET, capability)
        finally:
            self._memory.free(handle)
        if answer == Answer.FAILURE:
            self._condition(self.source)
        return answer in (Answer.SUCCESS, Answer.CHECKSTATUS)

    def enable(self) -> None:
        """State 4 to 5, without a window of the source. Raises ScannerProblem."""
        shown = UserInterface(show=0, modal=0, parent=self._manager.window)
        answer = self._call(self.source, CONTROL, Dat.USERINTERFACE, Msg.ENABLEDS, shown)
        if answer != Answer.CHECKSTATUS:  # It shows a window in spite of that.
            self._expect(answer, "the start of the scan", self.source)
        self.state = State.ENABLED

    def wait_until_ready(self, seconds: float) -> None:
        """State 5 to 6, when the source has an image. Raises ScannerProblem if it has none in time
        or a person cancels."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            address = self._manager.next_event(left)
            if address is None:
                continue
            event = Event(event=address)
            if self._call(self.source, CONTROL, Dat.EVENT, Msg.PROCESSEVENT, event) == NOT_MINE:
                self._manager.pass_on(address)
            if event.message == Msg.XFERREADY:
                self.state = State.READY
                return
            if event.message == Msg.CLOSEDSREQ:
                raise ScannerProblem("scanner.cancelled", "the source asked to be closed")
        raise ScannerProblem("scanner.timed-out", f"the source sent nothing for {seconds:g} s")

    def image_info(self) -> ImageInfo:
        """The image that is ready. Raises ScannerProblem."""
        info = ImageInfo()
        answer = self._call(self.source, IMAGE, Dat.IMAGEINFO, Msg.GET, info)
        self._expect(answer, "the size of the image", self.source)
        return info

    @contextmanager
    def native_image(self) -> Iterator[int]:
        """The address of the image as the system has it, state 6 to 7. Raises ScannerProblem."""
        handle = ct.c_void_p()
        self._transfer(Dat.IMAGENATIVEXFER, handle)
        if handle.value is None:
            raise ScannerProblem("scanner.no-image", "the source gave no image")
        try:
            with self._locked(handle.value) as address:
                yield address
        finally:
            self._memory.free(handle.value)

    def file_image(self, path: Path) -> None:
        """The image as a TIFF that the source writes, state 6 to 7. Raises ScannerProblem."""
        name = str(path).encode()
        if len(name) > 254:
            raise ScannerProblem("scanner.value-refused", f"{path} is too long a name for TWAIN")
        target = FileTransfer(name=name, format=TIFF)
        self._control(Dat.SETUPFILEXFER, Msg.SET, target)
        self._transfer(Dat.IMAGEFILEXFER, None)

    def end_transfer(self) -> int:
        """State 7 to 6 or 5; returns how many images follow, at least."""
        pending = PendingTransfers()
        self._control(Dat.PENDINGXFERS, Msg.ENDXFER, pending)
        self.state = State.READY if pending.count else State.ENABLED
        return int(pending.count)

    def close(self) -> None:
        """Back to state 2 from any state. What the source refuses does not matter then."""
        pending, shown = PendingTransfers(), UserInterface()
        source = self.source or Identity()
        steps = (
            (State.TRANSFERRING, State.READY, Dat.PENDINGXFERS, Msg.ENDXFER, pending),
            (State.READY, State.ENABLED, Dat.PENDINGXFERS, Msg.RESET, pending),
            (State.ENABLED, State.SOURCE_OPEN, Dat.USERINTERFACE, Msg.DISABLEDS, shown),
            (State.SOURCE_OPEN, State.MANAGER_OPEN, Dat.IDENTITY, Msg.CLOSEDS, source),
        )
        for state, after, dat, message, data in steps:
            if self.state is state:
                to = None if dat is Dat.IDENTITY else self.source
                self._call(to, CONTROL, dat, message, data)
                self.state = after
                if state is State.TRANSFERRING and not pending.count:
                    self.state = State.ENABLED
        if self.state is State.MANAGER_OPEN:
            window = ct.c_void_p(self._manager.window)
            self._call(None, CONTROL, Dat.PARENT, Msg.CLOSEDSM, window)
            self.state = State.LOADED

    def _transfer(self, dat: Dat, data: Any) -> None:
        answer = self._call(self.source, IMAGE, dat, Msg.GET, data)
        if answer == Answer.XFERDONE:
            self.state = State.TRANSFERRING
            return
        if answer == Answer.CANCEL:
            # The image is over all the same, and has to be ended as such.
            self.state = State.TRANSFERRING
            raise ScannerProblem("scanner.cancelled", "the transfer was cancelled at the device")
        self._expect(answer, "the image", self.source)
        raise ScannerProblem("scanner.answer-invalid", f"a transfer ended with {answer}")

    def _control(self, dat: Dat, message: Msg, data: Any, *, to_manager: bool = False) -> None:
        to = None if to_manager else self.source
        answer = self._call(to, CONTROL, dat, message, data)
        self._expect(answer, f"{dat.name} {message.name}", to)

    def _call(self, to: Identity | None, group: int, dat: Dat, message: Msg, data: Any) -> int:
        pointer = ct.byref(data) if data is not None else None
        target = ct.byref(to) if to is not None else None
        return int(self._manager.entry(ct.byref(self._own), target, group, dat, message, pointer))

    def _expect(self, answer: int, what: str, of: Identity | None) -> None:
        if answer == Answer.SUCCESS:
            return
        if answer != Answer.FAILURE:
            raise ScannerProblem("scanner.answer-invalid", f"{what}: return code {answer}")
        condition = self._condition(of)
        code = TWAIN_CONDITIONS.get(condition, "scanner.io-failed")
        raise ScannerProblem(code, f"{what}: TWAIN condition {condition}")

    def _condition(self, of: Identity | None) -> int:
        status = Status()
        self._call(of, CONTROL, Dat.STATUS, Msg.GET, status)
        return int(status.condition)

    @contextmanager
    def _locked(self, handle: int) -> Iterator[int]:
        address = self._memory.lock(handle)
        try:
            yield address
        finally:
            self._memory.unlock(handle)
