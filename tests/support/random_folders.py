"""Folders of all sorts, each the same for its number: pages intact and damaged, and what lies beside."""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import pyvips

from tests.support.deliveries import ALTO, MODS, a_png

PATTERNS = (
    "{:04d}",
    "f{}",
    "scan {}",
    unicodedata.normalize("NFD", "é{}"),
    "p\u200c{}",
    "x_f{}.tif",
)
FOLDERS = ("vol-1", "Bd 2", unicodedata.normalize("NFD", "Bände"), "a\u200cb", "Ms. fol. 88")
WRITERS: dict[str, Callable[[pyvips.Image], bytes]] = {
    "tif": lambda image: bytes(image.tiffsave_buffer()),
    "jpg": lambda image: bytes(image.jpegsave_buffer()),
    "png": lambda image: bytes(image.pngsave_buffer()),
}
DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda content: b"",
    lambda content: bytes(len(content)),
    lambda content: b"<html><body>502 Bad Gateway</body></html>",
    lambda content: content[len(content) // 2 :],
    lambda content: content[: len(content) // 2],
)
LISTS = ("checksums.{}", "{}sums.txt", "MANIFEST.{}", "hashes.lst")


@cache
def an_image(shade: int, suffix: str) -> bytes:
    """A tiny image that no other number has."""
    pixel = pyvips.Image.black(8, 8, bands=3).linear(1, [shade % 256, shade // 256 % 256, 7])
    return WRITERS[suffix](pixel.cast("uchar"))


def a_random_folder(at: Path, number: int) -> list[str]:
    """Write a folder; returns the names of all its files."""
    random = Random(number)
    files: dict[str, bytes] = {}
    names = random.sample(FOLDERS, random.randint(1, 3)) if random.random() < 0.6 else [""]
    for name in names:
        item = _an_item(random, number)
        files |= {f"{name}/{one}" if name else one: content for one, content in item.items()}
    if names != [""]:
        files |= _chosen(random, {"readme.txt": b"x", "docs/a.txt": b"y", "mods.xml": MODS}, 0.2)
    files |= _chosen(random, {".DS_Store": b"x", "Thumbs.db": b"x", ".git/config": b"x"}, 0.3)
    for name, content in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sorted(files)


def _an_item(random: Random, number: int) -> dict[str, bytes]:
    pattern, suffix = random.choice(PATTERNS), random.choice((*WRITERS, ""))
    count, files = random.randint(1, 4), {}
    for page in range(1, count + 1):
        stem = pattern.format(page)
        content = an_image(random.randrange(1 << 16), suffix or "png")
        files[f"{stem}.{suffix}" if suffix else stem] = (
            random.choice(DAMAGES)(content) if random.random() < 0.25 else content
        )
        if suffix and random.random() < 0.2:
            other = random.choice([one for one in WRITERS if one != suffix])
            files[f"{stem}.{other}"] = an_image(random.randrange(1 << 16), other)
    pages = list(files)
    files |= _chosen(random, _others(random, pages, number), 0.15)
    if random.random() < 0.3:
        files |= _a_list(random, files)
    return files


def _others(random: Random, pages: list[str], number: int) -> dict[str, bytes]:
    choice = random.choice([{"exclude": [random.choice(pages)]}, {"forms": "all"}, {"title": "T"}])
    rows = random.sample(pages, random.randint(1, len(pages)))
    return {
        "notes.txt": b"notes",
        "read me.pdf": b"%PDF-1.4\n",
        "raw.bin": random.randbytes(30),
        "mods.xml": MODS,
        "ocr.xml": ALTO,
        "stray.tif": b"",
        "item.json": json.dumps(choice).encode(),
        "pages.csv": "\n".join(
            ["file,labels", *(f"{row},{at}" for at, row in enumerate(rows))]
        ).encode(),
        "odd\u200cname .txt": str(number).encode(),
        "a.png.jpg": a_png(number),
    }


def _a_list(random: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    algorithm = random.choice(("md5", "sha1", "sha256"))
    wrong = random.random() < 0.1
    lines = [
        f"{hashlib.new(algorithm, b'?' if wrong else content).hexdigest()}  {name}"
        for name, content in files.items()
    ]
    return {random.choice(LISTS).format(algorithm): "\n".join(lines).encode()}


def _chosen(random: Random, files: dict[str, bytes], chance: float) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if random.random() < chance}
