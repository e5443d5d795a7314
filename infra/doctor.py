"""Checks what a line needs on this machine: each part, what was found, and the fix.

It needs no installed package, so that it runs before the installation."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from infra.escaping import print_line
from infra.paths import CHECKOUT, cache_folder, java_binary, kafka_jars

INSTALL = "Run: make install"
LANGUAGES = ("eng", "fra", "deu", "lat", "Fraktur", "osd")
OUR_PACKAGES = ("schemas", "processors", "streams", "infra")
FONTS = {"EB Garamond": "EBGaramond*", "Junicode": "Junicode*", "Blankenburg": "*lankenburg*"}
FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/share/texmf/fonts"),
    Path("/usr/local/share/fonts"),
)


@dataclass(frozen=True)
class Row:
    """One part: whether it was found, its version, what is needed, and the fix."""

    part: str
    found: bool
    version: str
    needed: str
    fix: str

    @property
    def is_required(self) -> bool:
        """Whether `up` requires it."""
        return self.part not in ("fonts", "exiftool", "standards", "tesserocr")


def check_parts() -> list[Row]:
    """All parts, in the order in which a line needs them."""
    checks: tuple[Callable[[], Row], ...] = (
        _python, _packages, _package_names, _setpriv, _java, _kafka, _postgres, _postgres_user,
        _tesseract, _tesserocr, _languages, _libvips, _exiftool, _fonts, _standards,
    )  # fmt: skip
    return [check() for check in checks]


def _row(part: str, found: bool, version: str, needed: str, fix: str = INSTALL) -> Row:
    return Row(part, found, version, needed, "" if found else fix)


def _python() -> Row:
    return _row("python", sys.version_info >= (3, 11), sys.version.split()[0], ">= 3.11")


def _packages() -> Row:
    wanted = re.findall(
        r"^([A-Za-z0-9._-]+)==([^ ;\\]+) \\$", _read(CHECKOUT / "requirements.lock"), re.M
    )
    wrong = [f"{name} {version}" for name, version in wanted if _installed(name) != version]
    found = f"{len(wanted) - len(wrong)} of {len(wanted)}"
    return _row("python packages", not wrong, found, ", ".join(wrong) or "as in requirements.lock")


def _package_names() -> Row:
    by_name = metadata.packages_distributions()
    conflicts = sorted(
        f"{name} of {owner}"
        for name in OUR_PACKAGES
        for owner in by_name.get(name, [])
        if owner != "copystand"
    )
    fix = "Use the environment in .venv, which make install creates"
    return _row("package names", not conflicts, ", ".join(conflicts), ", ".join(OUR_PACKAGES), fix)


def _setpriv() -> Row:
    return _row("setpriv", shutil.which("setpriv") is not None, _version("setpriv"), "util-linux")


def _java() -> Row:
    answer = _output_of(java_binary(), "-XX:-UsePerfData", "-version")
    found = re.search(r'version "(\d+)([^"]*)"', answer)
    version = "".join(found.groups()) if found else ""
    return _row("java", bool(found) and int(found[1]) >= 17 if found else False, version, ">= 17")


def _kafka() -> Row:
    listed = [line.split() for line in _read(CHECKOUT / "infra" / "kafka.sha256").splitlines()]
    present = [name for _, name in listed if (kafka_jars() / name).is_file()]
    found = bool(listed) and len(present) == len(listed)
    return _row("kafka", found, f"{len(present)} of {len(listed)} jars", f"4.3.1 in {kafka_jars()}")


def _postgres() -> Row:
    versions = [_major(path) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    newest = max(versions, default=0)
    if not newest and shutil.which("postgres"):
        found = re.search(r"(\d+)", _version("postgres"))
        newest = int(found[1]) if found else 0
    return _row("postgres", newest >= 15, str(newest or ""), ">= 15")


def _postgres_user() -> Row:
    try:
        known = os.geteuid() != 0 or bool(pwd.getpwnam("postgres"))
    except KeyError:
        known = False
    return _row("user postgres", known, "", "if run as root: PostgreSQL refuses to run as root")


def _tesseract() -> Row:
    found = re.search(r"tesseract v?(\d+)(\S*)", _output_of("tesseract", "--version"))
    version = "".join(found.groups()) if found else ""
    return _row("tesseract", found is not None and int(found[1]) >= 5, version, ">= 5")


def _tesserocr() -> Row:
    try:
        import tesserocr

        bundled = tesserocr.tesseract_version().split()[1]
    except Exception as failure:
        return _row("tesserocr", False, str(failure)[:80], "the OCR engine of the shipped profiles")
    found = f"{_installed('tesserocr')}, with tesseract {bundled}"
    return _row("tesserocr", True, found, "the OCR engine of the shipped profiles")


def _languages() -> Row:
    listed = {name.rpartition("/")[2] for name in _output_of("tesseract", "--list-langs").split()}
    missing = [name for name in LANGUAGES if name not in listed]
    found = " ".join(name for name in LANGUAGES if name in listed)
    return _row("tesseract languages", not missing, found, " ".join(LANGUAGES))


def _libvips() -> Row:
    try:
        import pyvips

        version = ".".join(str(pyvips.version(part)) for part in range(3))
    except Exception as failure:
        return _row("libvips", False, str(failure)[:80], "from pyvips-binary")
    return _row("libvips", True, version, "from pyvips-binary")


def _exiftool() -> Row:
    version = _output_of("exiftool", "-ver").strip() if shutil.which("exiftool") else ""
    return _row("exiftool", bool(version), version, "libimage-exiftool-perl")


def _fonts() -> Row:
    missing = [name for name, pattern in FONTS.items() if not _font(pattern)]
    found = ", ".join(name for name in FONTS if name not in missing)
    return _row("fonts", not missing, found, "for the demo: " + ", ".join(FONTS))


def _standards() -> Row:
    listed = [line.split() for line in _read(CHECKOUT / "infra" / "standards.sha256").splitlines()]
    folder = cache_folder() / "standards"
    names = [words[-1].lstrip("*") for words in listed if len(words) > 1 and words[0] != "#"]
    present = [name for name in names if (folder / name).is_file()]
    found = bool(names) and len(present) == len(names)
    return _row(
        "standards",
        found,
        f"{len(present)} of {len(names)} XSD files",
        f"in {folder}",
        "Run: make standards",
    )


def _font(pattern: str) -> bool:
    return any(next(folder.rglob(pattern), None) for folder in FONT_FOLDERS if folder.is_dir())


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _major(path: Path) -> int:
    return int(path.parts[-3]) if path.parts[-3].isdigit() else 0


def _version(command: str) -> str:
    return _output_of(command, "--version").partition("\n")[0].strip()


def _output_of(*command: str) -> str:
    """What a command writes to both outputs; empty if it does not exist."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""


def main() -> int:
    """Print every missing part with its fix. Exit code 3 if there is one."""
    missing = [row for row in check_parts() if not row.found]
    for row in missing:
        print_line(f"missing: {row.part} (needed: {row.needed}). {row.fix}", error=True)
    return 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
