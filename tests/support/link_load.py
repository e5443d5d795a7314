"""A process that transfers objects of one kind without end, as the parts of a line do.

Run: python -m tests.support.link_load KIND SIZE_BYTES PAUSE_SECONDS; the settings are in the
environment. It prints the seconds that each transfer took."""

import os
import sys
import time
from collections.abc import Callable
from hashlib import sha256

from processors.tools import Area
from streams.settings import Settings
from streams.storage.factory import open_storage
from streams.storage.object_store import ObjectStore
from streams.traffic.link_buckets import TrafficClass

KEPT = {
    "masters": Area.STAGING,
    "derivatives": Area.DERIVATIVES,
    "packages": Area.PACKAGES,
}
READ = {"fetch": TrafficClass.PACKAGES, "repair": TrafficClass.REPAIR}


def main(kind: str, size: int, pause: float) -> None:
    """Transfer until the process is ended."""
    settings = Settings.load()
    storage = open_storage(settings, traffic_class=READ.get(kind))
    transfer = _writer(storage, kind, size) if kind in KEPT else _reader(storage, size)
    print("ready", flush=True)
    while True:
        content = os.urandom(16)
        began = time.monotonic()
        transfer(content)
        print(f"{time.monotonic() - began:.4f}", flush=True)
        time.sleep(pause)


def _writer(storage: ObjectStore, kind: str, size: int) -> Callable[[bytes], None]:
    area, rest = KEPT[kind], os.urandom(size - 16)

    def write(content: bytes) -> None:
        storage.keep(content + rest, area=area, use=kind, media_type="image/tiff")

    return write


def _reader(storage: ObjectStore, size: int) -> Callable[[bytes], None]:
    value = bytes(size)
    key = f"packages/sha256/00/{sha256(value).hexdigest()}"
    storage.put_new(key, value)

    def read(_: bytes) -> None:
        for _part in storage.stream(key):
            pass

    return read


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
