"""A vendor's software: writes images into a folder slowly, in all the ways that such software has.

Run as `python -m tests.support.vendor_writer FOLDER NAME COUNT SEED`."""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyvips


def image(text: int) -> bytes:
    """An image that no other number has."""
    pixels = bytes((text * 7919 + at * 31) % 251 for at in range(48 * 40))
    page = pyvips.Image.new_from_memory(pixels, 48, 40, 1, "uchar").copy(interpretation="b-w")
    page = page.copy(xres=300 / 25.4, yres=300 / 25.4)
    return (
        page.tiffsave_buffer(xres=300 / 25.4, yres=300 / 25.4)
        if text % 2
        else page.pngsave_buffer()
    )


def write_slowly(path: Path, content: bytes, pause: float) -> None:
    """Write in three parts, with a pause before each that follows."""
    with path.open("wb") as file:
        third = len(content) // 3 + 1
        for at in range(0, len(content), third):
            file.write(content[at : at + third])
            file.flush()
            time.sleep(pause)


def work(folder: Path, name: str, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Write files; gives the name and content that each has in the end."""
    chance = random.Random(seed)
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        text = seed * 10_000 + number
        content = image(text)
        suffix = ".tif" if text % 2 else ".png"
        path, way = own / f"{number:04d}{suffix}", chance.randrange(5)
        pause = chance.choice((0, 0, 0.004, 0.01))
        if way == 0:
            draft = own / f"{number:04d}{suffix}.part"
            write_slowly(draft, content, pause)
            draft.rename(path)
        elif way == 1:
            # Under a name of its own first, which may already have been taken.
            first = own / f"raw{number:04d}{suffix}"
            write_slowly(first, content, pause)
            time.sleep(chance.choice((0, 0, 0, 0.4)))
            first.rename(path)
        elif way == 2:
            write_slowly(path, image(text + 5_000 * 2), pause)
            time.sleep(chance.choice((0, 0, 0, 0.4)))
            write_slowly(path, content, pause)
        else:
            write_slowly(path, content, pause)
        if number % 10 == 0:
            path.with_suffix(".xml").write_text(f"<page>{number}</page>")
        yield f"{name}/{path.name}", content


if __name__ == "__main__":
    for _ in work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])):
        pass
