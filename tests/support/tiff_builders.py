"""Writes small TIFF and BigTIFF files tag by tag, so that each can be wrong in one way."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

Values = bytes | Sequence[int]
FORMS = {1: "B", 3: "H", 4: "I", 5: "I", 13: "I", 16: "Q", 18: "Q"}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, IFD = 1, 2, 3, 4, 5, 7, 13
SIDE = 8
PIXELS = bytes(range(SIDE * SIDE))


@dataclass
class ATiff:
    """A sound grey image of 8 x 8 pixels in one strip; tests change what matters to them."""

    order: str = "<"
    big: bool = False
    pixels: bytes = PIXELS
    tags: dict[int, tuple[int, Values]] = field(default_factory=dict)
    """Kind and values of each tag, over those of the sound image."""
    without: tuple[int, ...] = ()
    entries: list[bytes] | None = None
    """Whole entries instead of those made from the tags."""
    following: int | None = None

    @property
    def strip(self) -> int:
        """Where the pixels begin."""
        return 16 if self.big else 8

    def sound_tags(self) -> dict[int, tuple[int, Values]]:
        """The tags that a grey image needs, and a text."""
        return {
            256: (SHORT, [SIDE]),
            257: (SHORT, [SIDE]),
            258: (SHORT, [8]),
            259: (SHORT, [1]),
            262: (SHORT, [1]),
            270: (ASCII, b"A small image\0"),
            273: (LONG, [self.strip]),
            277: (SHORT, [1]),
            278: (SHORT, [SIDE]),
            279: (LONG, [len(self.pixels)]),
            282: (RATIONAL, [300, 1]),
            283: (RATIONAL, [300, 1]),
            296: (SHORT, [2]),
        }

    def made_entries(self) -> tuple[list[bytes], bytes]:
        """The entries and the bytes behind the directory that they point to."""
        tags = {**self.sound_tags(), **self.tags}
        kept = sorted(tag for tag in tags if tag not in self.without)
        inline = 8 if self.big else 4
        entry_size = 20 if self.big else 12
        behind = b""
        at = self.strip + len(self.pixels) + (8 if self.big else 2)
        at += entry_size * len(kept) + inline
        made = []
        for tag in kept:
            kind, values = tags[tag]
            raw, count = self._raw(kind, values)
            if len(raw) <= inline:
                value = raw.ljust(inline, b"\0")
            else:
                value = struct.pack(self.order + ("Q" if self.big else "I"), at + len(behind))
                behind += raw + bytes(len(raw) % 2)
            form = self.order + ("HHQ" if self.big else "HHI")
            made.append(struct.pack(form, tag, kind, count) + value)
        return made, behind

    def _raw(self, kind: int, values: Values) -> tuple[bytes, int]:
        if isinstance(values, bytes):
            return values, len(values)
        count = len(values) // 2 if kind == RATIONAL else len(values)
        return struct.pack(f"{self.order}{len(values)}{FORMS[kind]}", *values), count

    def bytes(self) -> bytes:
        """The file."""
        made, behind = self.made_entries()
        entries = made if self.entries is None else self.entries
        offset = self.strip + len(self.pixels)
        mark = b"II" if self.order == "<" else b"MM"
        if self.big:
            head = mark + struct.pack(self.order + "HHHQ", 43, 8, 0, offset)
            count = struct.pack(self.order + "Q", len(entries))
            following = struct.pack(self.order + "Q", self.following or 0)
        else:
            head = mark + struct.pack(self.order + "HI", 42, offset)
            count = struct.pack(self.order + "H", len(entries))
            following = struct.pack(self.order + "I", self.following or 0)
        return head + self.pixels + count + b"".join(entries) + following + behind
