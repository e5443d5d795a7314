"""Finds images that are another form of a page: 0001.jpg beside 0001.tif."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from processors.imaging.format_identification import image_extensions
from streams.clients.station.scan import DeliveredFile

ALL = "all"
"""Value of `forms` in item.json: every file is a page of its own."""
PREFERRED = ("tif", "tiff", "jp2", "png")
"""Suffixes of forms in the order in which they are taken; others follow in the order of names."""


def second_forms(
    images: Iterable[DeliveredFile], wanted: str | None = None
) -> dict[str, DeliveredFile]:
    """The images that are another form of a page, each with the image that is taken.

    `wanted` is the suffix of the form to take, or `all`: then no image is another form."""
    if wanted == ALL:
        return {}
    alike: dict[tuple[str, str], list[DeliveredFile]] = defaultdict(list)
    for image in images:
        if suffix_of(image) in image_extensions():
            alike[str(PurePosixPath(image.name).parent), stem(image.base_name)].append(image)
    found: dict[str, DeliveredFile] = {}
    for group in alike.values():
        taken = min(group, key=lambda one: _rank(one, wanted))
        others = (one for one in group if one is not taken)
        found |= {one.name: taken for one in others if one.media_type != taken.media_type}
    return found


def stem(name: str) -> str:
    """A base name without the suffixes of image formats, in lower case."""
    left, dot, suffix = name.casefold().rpartition(".")
    return stem(left) if dot and suffix in image_extensions() else name.casefold()


def suffix_of(file: DeliveredFile) -> str:
    """The suffix of a file, lower-case, without dot."""
    return file.base_name.casefold().rpartition(".")[2]


def _rank(file: DeliveredFile, wanted: str | None) -> tuple[bool, bool, int, str]:
    """Readable images first, then the wanted form, then the preferred ones."""
    suffix = suffix_of(file)
    at = PREFERRED.index(suffix) if suffix in PREFERRED else len(PREFERRED)
    return not file.is_image, suffix != (wanted or "").lstrip(".").casefold(), at, file.name
