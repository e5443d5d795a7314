"""Builds the program that checks logs with Go's packages, and asks it.

Run: python -m tests.support.go_verifier   (prints its path; a build is kept in the cache)
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from infra.paths import CHECKOUT, cache_folder

SOURCE = CHECKOUT / "tests" / "data" / "go_verifier"
DEBIAN_PACKAGES = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev is."""
DEBIAN_MODULE = DEBIAN_PACKAGES / "src" / "golang.org" / "x" / "mod"


class NotBuilt(RuntimeError):
    """Go or the module is not available; the text has what Go wrote."""


def build() -> Path:
    """The program from the cache, or built now. Raises NotBuilt."""
    digest = sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))).hexdigest()
    program = cache_folder() / "go-verifier" / digest[:16]
    if program.exists():
        return program
    if shutil.which("go") is None:
        raise NotBuilt("the program go is missing; run: make faults")
    program.parent.mkdir(parents=True, exist_ok=True)
    said = []
    with tempfile.TemporaryDirectory(prefix="go-verifier-") as scratch:
        for environment in environments(Path(scratch)):
            folder, draft = Path(scratch) / f"source-{len(said)}", Path(scratch) / "built"
            shutil.copytree(SOURCE, folder)
            said.append(go_build(folder, draft, environment))
            if draft.exists():
                shutil.move(draft, program.with_name(f".{program.name}.{os.getpid()}"))
                program.with_name(f".{program.name}.{os.getpid()}").replace(program)
                return program
    raise NotBuilt("\n".join(said))


def environments(scratch: Path) -> Iterator[dict[str, str]]:
    """Where Go may find the module: its own cache, the network, Debian's package."""
    common = {"GOCACHE": str(scratch / "cache"), "GOTOOLCHAIN": "local"}
    modules = common | {"GO111MODULE": "on", "GOFLAGS": "-mod=mod -modcacherw -buildvcs=false"}
    yield modules | {"GOPROXY": "off"}
    yield modules | {"GOPATH": str(scratch / "path")}
    if DEBIAN_MODULE.is_dir():
        yield common | {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": str(DEBIAN_PACKAGES)}


def go_build(folder: Path, target: Path, environment: dict[str, str]) -> str:
    """Build once; what Go wrote."""
    done = subprocess.run(
        ["go", "build", "-o", target, "main.go"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def ask(keys: Iterable[object], requests: Iterable[str]) -> list[str]:
    """The answers of the program, one for each request."""
    done = subprocess.run(
        [build(), *map(str, keys)],
        input="".join(f"{request}\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


if __name__ == "__main__":
    try:
        print(build())
    except NotBuilt as failed:
        sys.exit(str(failed))
