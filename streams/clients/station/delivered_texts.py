"""Finds the ALTO of each page: named by a METS, else by the name of the image."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from processors.xml.submitted_mets import SubmittedPage, name_key
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import PageRow

SUFFIXES = (
    *(".tif", ".tiff", ".jpg", ".jpeg", ".png", ".jp2", ".gif", ".bmp", ".webp"),
    *(".xml", ".alto", "_alto", "-alto"),
)
"""Ends of names, of which one name may have several: f11.tif.jpeg and f11.alto.xml are one page."""


def is_alto(file: DeliveredFile) -> bool:
    """Whether a file is ALTO by its root element."""
    return file.root is not None and file.root.name == "alto"


def with_texts(
    rows: list[PageRow], others: Iterable[DeliveredFile], in_mets: tuple[SubmittedPage, ...]
) -> list[PageRow]:
    """The rows, each with its ALTO if one was delivered. An ALTO is the text of one page."""
    texts = _Texts([one for one in others if is_alto(one)])
    named = {name: page for page in in_mets for name in map(name_key, page.names)}
    found = []
    for row in rows:
        text = row.text
        if text is None and row.image is not None:
            page = named.get(name_key(PurePosixPath(row.image.name).name))
            text = texts.named_by(page) or texts.alike(row.image)
        found.append(replace(row, text=text) if text else row)
    return found


class _Texts:
    """The ALTO files that no page has yet."""

    def __init__(self, files: list[DeliveredFile]) -> None:
        self._by_name: dict[str, list[DeliveredFile]] = defaultdict(list)
        self._by_stem: dict[str, list[DeliveredFile]] = defaultdict(list)
        for file in files:
            self._by_name[name_key(file.parts[-1])].append(file)
            self._by_stem[page_stem(file)].append(file)
        self._taken: set[str] = set()

    def named_by(self, page: SubmittedPage | None) -> DeliveredFile | None:
        """The only file that a page of a METS names."""
        names = map(name_key, page.names) if page else ()
        return self._only([file for name in names for file in self._by_name.get(name, ())])

    def alike(self, image: DeliveredFile) -> DeliveredFile | None:
        """The only file with the name of an image, without suffixes."""
        return self._only(self._by_stem.get(page_stem(image), []))

    def _only(self, files: list[DeliveredFile]) -> DeliveredFile | None:
        free = [file for file in files if file.name not in self._taken]
        if len(free) != 1:
            return None
        self._taken.add(free[0].name)
        return free[0]


def page_stem(file: DeliveredFile) -> str:
    """The name of a file without what distinguishes an image from its text."""
    name = name_key(file.parts[-1])
    while end := next((end for end in SUFFIXES if name.endswith(end) and name != end), None):
        name = name.removesuffix(end)
    return name
