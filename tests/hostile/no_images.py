"""Files that are no image at all, delivered under the name of one."""

import random
from collections.abc import Iterator

from tests.hostile.case import Hostile


def no_images(seed: int) -> Iterator[Hostile]:
    """All of them; the same seed gives the same bytes."""
    chance = random.Random(seed)
    starts = {
        "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/Launch/F(/bin/sh)>>>>endobj\n",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file 1000 string readstring\n",
        "MVG": b"push graphic-context\nfill 'url(https://x.invalid/|touch /tmp/x)'\n",
        "ZIP": b"PK\x03\x04" + bytes(200),
        "program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "script": b"#!/bin/sh\ntouch /tmp/hostile\n",
        "GIF": b"GIF89a\xff\xff\xff\xff\x00\x00\x00,",
        "BMP": b"BM" + bytes(12) + (40).to_bytes(4, "little") + b"\xff\xff\xff\x7f" * 2 + bytes(28),
        "WebP": b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(20),
        "PNM": b"P6 999999999 999999999 255\n",
        "EXR": b"v/1\x01" + bytes(100),
        "HEIF": b"\0\0\0\x18ftypheic" + bytes(100),
        "PSD": b"8BPS\0\1" + bytes(6) + b"\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3",
        "nothing": b"",
        "one zero": b"\0",
        "zeros": bytes(100_000),
    }
    for name, content in starts.items():
        yield Hostile("no image", f"{name} as page.tif", content, "page.tif")
    for number in range(8):
        yield Hostile(
            "no image", f"noise {number}", b"?" + chance.randbytes(100 << number), "page.tif"
        )
