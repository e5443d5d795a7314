"""Finds the files of an item that must be pages although they are no readable images."""

import re
from collections.abc import Iterable

from processors.imaging.content_description import is_unidentified
from processors.xml.submitted_mets import delivered_name, name_key
from streams.clients.station.digest_lines import Expected
from streams.clients.station.on_disk import nfc
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import ITEM_JSON, PAGES_CSV

PDF = "application/pdf"
DIGITS = re.compile(r"\d+")


def pages_among(
    files: list[DeliveredFile], expected: Iterable[Expected], named: set[str], in_table: set[str]
) -> list[DeliveredFile]:
    """The images of an item, and the files that must be damaged ones.

    A file must be an image by its suffix, by the name pattern of its neighbours, because a METS
    (`named`, as name_key) or pages.csv (`in_table`) names it as a page, or because a checksum list
    names it among images only."""
    patterns = {pattern(one) for one in files if one.is_image and DIGITS.search(one.base_name)}
    listed = _listed_among_images(files, expected)

    numbers = _numbers_of_images(files)

    def must_be_page(one: DeliveredFile) -> bool:
        name = one.base_name
        if name.casefold() in (ITEM_JSON, PAGES_CSV) or (one.root and one.root.schema):
            return False
        if one.is_page or nfc(name) in in_table or pattern(one) in patterns:
            return True
        if one.media_type == PDF:
            return _continues(one, numbers)
        is_named = name_key(delivered_name(name)) in named or one.name in listed
        return is_named and is_unidentified(one.description)

    return [one for one in files if must_be_page(one)]


def _numbers_of_images(files: list[DeliveredFile]) -> dict[str, set[int]]:
    """The last numbers in the names of images without suffix, by the pattern of these names."""
    found: dict[str, set[int]] = {}
    for one in files:
        if one.is_image and (numbered := _last_number(one)) is not None:
            found.setdefault(numbered[0], set()).add(numbered[1])
    return found


def _last_number(file: DeliveredFile) -> tuple[str, int] | None:
    stem = file.base_name.casefold().rpartition(".")[0]
    runs = DIGITS.findall(stem)
    # Only the last number counts the pages: in 1849_012 the year is a part of the name.
    head, _, tail = stem.rpartition(runs[-1]) if runs else ("", "", "")
    return (f"{head}#{tail}", int(runs[-1])) if runs else None


def _continues(file: DeliveredFile, numbers: dict[str, set[int]]) -> bool:
    """Whether a document is in the place of a page: its number is missing among the images, or the
    next one."""
    numbered = _last_number(file)
    images = numbers.get(numbered[0]) if numbered else None
    if numbered is None or not images:
        return False
    return numbered[1] not in images and min(images) - 1 <= numbered[1] <= max(images) + 1


def pattern(file: DeliveredFile) -> str:
    """The name of a file with each run of digits replaced."""
    return DIGITS.sub("#", file.base_name.casefold())


def _listed_among_images(files: list[DeliveredFile], expected: Iterable[Expected]) -> set[str]:
    """Names in checksum lists that otherwise name images of this item only."""
    by_name = {one.name: one for one in files}
    of_list: dict[str, set[str]] = {}
    for stated in expected:
        of_list.setdefault(stated.list_name, set()).add(stated.name)
    found: set[str] = set()
    for names in of_list.values():
        inside = [by_name[name] for name in names if name in by_name]
        images = [one for one in inside if one.is_page]
        if images and all(one.is_page or is_unidentified(one.description) for one in inside):
            found |= {one.name for one in inside}
    return found
