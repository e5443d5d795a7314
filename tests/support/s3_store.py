"""An S3 store for tests: SeaweedFS on loopback, in a folder of its own, ended by its pid."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import obstore

from infra import ports, processes
from processors.outcome import StorageError
from streams.storage.s3 import check_bucket, connect
from streams.storage_settings import S3Location

WEED = Path(sys.executable).with_name("weed")
KEY, SECRET, BUCKET = "copystand-test", "copystand-test-secret", "copystand-test"
PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
    "filer.port.grpc", "s3.port", "s3.port.grpc",
)  # fmt: skip
START_SECONDS = 30


@dataclass(frozen=True)
class S3Server:
    """A store that runs."""

    place: S3Location
    pid: int

    def under(self, prefix: str) -> S3Location:
        """A place of its own in the bucket."""
        return replace(self.place, prefix=prefix)

    def environment(self, prefix: str) -> dict[str, str]:
        """What a user sets to use it."""
        return {
            "COPYSTAND_STORE": str(self.under(prefix)),
            "COPYSTAND_S3_ENDPOINT": self.place.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Start SeaweedFS with one bucket, and end it afterwards."""
    data, config = folder / "data", folder / "s3.json"
    data.mkdir(parents=True)
    keys = {"accessKey": KEY, "secretKey": SECRET}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    config.write_text(
        json.dumps({"identities": [{"name": KEY, "credentials": [keys], "actions": actions}]})
    )
    chosen = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    place = S3Location(
        BUCKET, "", f"http://127.0.0.1:{chosen['s3.port']}", "us-east-1", KEY, SECRET
    )
    command = [
        str(WEED), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={config}", f"-s3.localSocket={folder}/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-filer.localSocket={folder}/filer.sock", "-master.volumeSizeLimitMB=1024",
        "-volume.max=0", "-volume.preStopSeconds=0", "-master.electionTimeout=1s",
        "-master.telemetry=false", *(f"-{name}={port}" for name, port in chosen.items()),
    ]  # fmt: skip
    process = processes.spawn(command, folder / "weed.log")
    try:
        _wait(place, process, folder / "weed.log")
        yield S3Server(place, process.pid)
    finally:
        # Nobody reads its data again, and asked kindly it takes ten seconds.
        processes.stop(process, signal.SIGKILL, 10)
        for port in chosen.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(ports.free_port(found))
    return sorted(found)


def _wait(place: S3Location, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it has taken an object; SeaweedFS makes the bucket with its first one."""
    deadline, last = time.monotonic() + START_SECONDS, ""
    while time.monotonic() < deadline and process.poll() is None:
        try:
            obstore.put(connect(place), "ready", b"ready")
            return check_bucket(place)
        except (obstore.exceptions.BaseError, OSError, StorageError) as not_yet:
            last = str(not_yet)[:300]
            time.sleep(0.1)
    raise AssertionError(f"no S3 store: {last}\n{log.read_text()[-2000:]}")
