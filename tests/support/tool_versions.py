"""Versions of the tools that make content, asked of the programs themselves."""

import subprocess
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import py3langid
import pyvips
import tesserocr

from tests.support.expected_outcome import Tools


def the_tools() -> Tools:
    """The tools of this machine."""

    def says(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout or done.stderr

    model = Path(py3langid.__file__).parent / "data"
    (weights,) = [path for path in model.iterdir() if path.is_file()]
    tessdata = Path(says("tesseract", "--list-langs").split('"')[1])
    return Tools(
        vips=".".join(str(pyvips.version(part)) for part in range(3)),
        tesserocr=version("tesserocr"),
        tesseract=tesserocr.tesseract_version().split()[1],
        eng_sha256=sha256((tessdata / "eng.traineddata").read_bytes()).hexdigest(),
        exiftool=says("exiftool", "-ver").strip(),
        langid=version("py3langid"),
        model_sha256=sha256(weights.read_bytes()).hexdigest(),
    )
