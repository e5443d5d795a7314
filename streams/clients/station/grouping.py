"""Which files of a delivery make which item."""

from collections import defaultdict
from dataclasses import dataclass, field

from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import ITEM_JSON, PAGES_CSV

BAGIT = "bagit.txt"
ABOUT_ITEMS = (ITEM_JSON, PAGES_CSV)


@dataclass
class Group:
    """The files of one item."""

    name: str
    """What the item is called when nothing else names it: its folder's name."""
    files: list[DeliveredFile] = field(default_factory=list)


@dataclass
class Grouping:
    """The items of a delivery, and what belongs to none."""

    groups: list[Group] = field(default_factory=list)
    left_over: list[DeliveredFile] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def bags_among(files: list[DeliveredFile]) -> list[str]:
    """The bags of a delivery: the folder itself (empty text), or folders in it."""
    bags = [
        "/".join(one.parts[:-1]) for one in files if one.parts[-1] == BAGIT and len(one.parts) <= 2
    ]
    return [""] if "" in bags else bags


def group(files: list[DeliveredFile], folder_name: str, bags: list[str]) -> Grouping:
    """The folder itself is one item, or its sub-folders are."""
    made = Grouping()
    if bags == [""]:
        _delivery([one for one in files if one.name.startswith("data/")], "data", folder_name, made)
        _take_tags([one for one in files if not one.name.startswith("data/")], made.groups, made)
        return made
    bagged = tuple(f"{bag}/" for bag in bags)
    plain = [one for one in files if not bagged or not one.name.startswith(bagged)]
    _delivery(plain, "", folder_name, made, beside_bags=bool(bags))
    for bag in bags:
        data, known = f"{bag}/data", len(made.groups)
        _delivery([one for one in files if one.name.startswith(f"{data}/")], data, bag, made)
        tags = (one for one in files if one.name.startswith(f"{bag}/"))
        outside = [one for one in tags if not one.name.startswith(f"{data}/")]
        _take_tags(outside, made.groups[known:], made)
    return made


def _take_tags(tags: list[DeliveredFile], items: list[Group], made: Grouping) -> None:
    """What a bag holds outside its payload: only what tells of its one item is taken."""
    telling = [one for one in tags if one.parts[-1].casefold() in ABOUT_ITEMS]
    if len(items) == 1:
        items[0].files += telling
    taken = telling if len(items) == 1 else []
    made.left_over += [one for one in tags if one not in taken]


def _delivery(
    files: list[DeliveredFile], base: str, name: str, made: Grouping, beside_bags: bool = False
) -> None:
    """The items among the files below `base`; `name` is what the whole is called."""
    depth = len(base.split("/")) if base else 0
    own = [one for one in files if len(one.parts) == depth + 1]
    folders: dict[str, list[DeliveredFile]] = defaultdict(list)
    deep: dict[str, list[DeliveredFile]] = defaultdict(list)
    for one in files:
        if len(one.parts) == depth + 2:
            folders[one.parts[depth]].append(one)
        elif len(one.parts) > depth + 2:
            deep["/".join(one.parts[:-1])].append(one)
    for folder, inside in deep.items():
        above = "/".join(folder.split("/")[: depth + 1])
        found = f"{len(inside)} files, such as {inside[0].parts[-1]}"
        made.diagnostics.append(finding("folder.nested-too-deep", folder, found, above=above))
    with_images = {at: inside for at, inside in folders.items() if _has_images(inside)}
    if _has_images(own) and (with_images or beside_bags):
        found = f"images beside {len(with_images) or 'some'} folders of images"
        made.diagnostics.append(finding("folder.images-beside-items", base or ".", found))
    for at, inside in folders.items():
        if at not in with_images and at not in deep:
            made.left_over += inside
            found = f"{len(inside)} files, such as {inside[0].parts[-1]}: {inside[0].taken_for}"
            where = f"{base}/{at}" if base else at
            made.diagnostics.append(finding("folder.without-images", where, found))
    if _has_images(own):
        made.groups.append(Group(name, own))
    elif len(with_images) == 1 and not beside_bags:
        [(at, inside)] = with_images.items()
        # What lies beside the only item of a delivery is about it.
        made.groups.append(Group(name if base else at, [*own, *inside]))
    else:
        made.groups += [Group(at, inside) for at, inside in with_images.items()]
        made.left_over += own


def _has_images(files: list[DeliveredFile]) -> bool:
    return any(one.is_image for one in files)
