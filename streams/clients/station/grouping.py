"""Groups the files of a delivery into items."""

from collections import defaultdict
from dataclasses import dataclass, field

from processors.wording import counted
from schemas.models import Diagnostic
from streams.clients.station.delivered_texts import is_alto
from streams.clients.station.findings import finding
from streams.clients.station.item_description import schema_of
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import ITEM_JSON, PAGES_CSV

BAGIT = "bagit.txt"
SIDECARS = (ITEM_JSON, PAGES_CSV)


@dataclass
class Group:
    """The files of one item."""

    name: str
    """Default name of the item: the name of its folder."""
    files: list[DeliveredFile] = field(default_factory=list)


@dataclass
class Grouping:
    """The items of a delivery, and the files that belong to none."""

    groups: list[Group] = field(default_factory=list)
    left_over: list[DeliveredFile] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def bags_among(files: list[DeliveredFile]) -> list[str]:
    """The bags of a delivery: the folder itself (empty string), or folders in it."""
    bags = [
        "/".join(one.parts[:-1]) for one in files if one.parts[-1] == BAGIT and len(one.parts) <= 2
    ]
    return [""] if "" in bags else bags


def group(files: list[DeliveredFile], folder_name: str, bags: list[str]) -> Grouping:
    """Group files into items: the folder itself is one item, or each of its folders is."""
    grouping = Grouping()
    if bags == [""]:
        _delivery(
            [one for one in files if one.name.startswith("data/")], "data", folder_name, grouping
        )
        _take_tags(
            [one for one in files if not one.name.startswith("data/")], grouping.groups, grouping
        )
        return grouping
    bagged = tuple(f"{bag}/" for bag in bags)
    plain = [one for one in files if not bagged or not one.name.startswith(bagged)]
    _delivery(plain, "", folder_name, grouping, beside_bags=bool(bags))
    for bag in bags:
        data, before = f"{bag}/data", len(grouping.groups)
        _delivery([one for one in files if one.name.startswith(f"{data}/")], data, bag, grouping)
        tags = (one for one in files if one.name.startswith(f"{bag}/"))
        outside = [one for one in tags if not one.name.startswith(f"{data}/")]
        _take_tags(outside, grouping.groups[before:], grouping)
    return grouping


def _take_tags(tags: list[DeliveredFile], items: list[Group], grouping: Grouping) -> None:
    """Add item.json, pages.csv, bag-info.txt and records of a bag to its item, if it has just
    one."""
    taken: list[DeliveredFile] = []
    if len(items) == 1:
        taken = [one for one in tags if one.parts[-1].casefold() in SIDECARS or schema_of(one)]
        items[0].files += taken
    grouping.left_over += [one for one in tags if one not in taken]


def _delivery(
    files: list[DeliveredFile], base: str, name: str, grouping: Grouping, beside_bags: bool = False
) -> None:
    """The items among the files below `base`; `name` is the name of the delivery or bag."""
    depth = len(base.split("/")) if base else 0
    own = [one for one in files if len(one.parts) == depth + 1]
    folders: dict[str, list[DeliveredFile]] = defaultdict(list)
    deep: dict[str, list[DeliveredFile]] = defaultdict(list)
    for one in files:
        if len(one.parts) == depth + 2:
            folders[one.parts[depth]].append(one)
        elif len(one.parts) > depth + 2:
            deep["/".join(one.parts[:-1])].append(one)
    _report_nesting(deep, depth, grouping)
    with_images = {at: inside for at, inside in folders.items() if _has_images(inside)}
    if _has_images(own) and (with_images or beside_bags):
        found = f"images next to {_folders(len(with_images))}"
        grouping.diagnostics.append(finding("folder.images-beside-items", base or ".", found))
    rest = {at: inside for at, inside in folders.items() if at not in {*with_images, *deep}}
    is_one = _has_images(own) or (len(with_images) == 1 and not beside_bags)
    of_item = [one for inside in rest.values() for one in inside if is_one and _belongs(one)]
    _leave_over(rest, of_item, base, grouping)
    if _has_images(own):
        grouping.groups.append(Group(name, [*own, *of_item]))
    elif is_one:
        [(at, inside)] = with_images.items()
        # Files next to the only item of a delivery belong to it.
        grouping.groups.append(Group(name if base else at, [*own, *inside, *of_item]))
    else:
        grouping.groups += [Group(at, inside) for at, inside in with_images.items()]
        grouping.left_over += own


def _report_nesting(deep: dict[str, list[DeliveredFile]], depth: int, grouping: Grouping) -> None:
    for folder, inside in deep.items():
        above = "/".join(folder.split("/")[: depth + 1])
        found = f"{counted(len(inside), 'file')}, such as {inside[0].parts[-1]}"
        grouping.diagnostics.append(finding("folder.nested-too-deep", folder, found, above=above))


def _belongs(file: DeliveredFile) -> bool:
    """Whether a file in a folder without images is a record or text of the only item."""
    return schema_of(file) is not None or is_alto(file)


def _leave_over(
    rest: dict[str, list[DeliveredFile]],
    of_item: list[DeliveredFile],
    base: str,
    grouping: Grouping,
) -> None:
    for at, files in rest.items():
        inside = [one for one in files if one not in of_item]
        if not inside:
            continue
        grouping.left_over += inside
        example = f"{inside[0].parts[-1]} ({inside[0].description})"
        found = f"{counted(len(inside), 'file')}, such as {example}"
        where = f"{base}/{at}" if base else at
        grouping.diagnostics.append(finding("folder.without-images", where, found))


def _folders(with_images: int) -> str:
    return f"{counted(with_images, 'folder')} of images" if with_images else "bags"


def _has_images(files: list[DeliveredFile]) -> bool:
    return any(one.is_page for one in files)
