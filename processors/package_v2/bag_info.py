"""The tag files of a package of layout 2: bag-info.txt and those of a bag profile."""

from collections.abc import Mapping, Sequence

from processors.bag_profile import OF_INSTITUTION, BagProfile
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.profile_packaging import Packaging

LAYOUT_FIELD = "Package-Layout"
MAX_PAGES_LISTED = 20


def profile_of(item: ItemRecord) -> BagProfile:
    """The bag profile that was frozen with the profile of the batch."""
    return Packaging.model_validate(item.profile.get("package", {})).frozen_bag


def bag_info(item: ItemRecord, package: str, payloads: Sequence[Payload]) -> dict[str, str]:
    """The fields of bag-info.txt. Date and software are those of the fact that completed the item,
    so that repeated work is equal."""
    institution, profile, head = item.institution, profile_of(item), item.completed.head
    stated = {name: getattr(institution, key) for name, key in OF_INSTITUTION.items()}
    total = sum(file.size_bytes for file in payloads)
    fields: dict[str, str | None] = {
        **stated,
        "External-Description": _title(item),
        "Bagging-Date": head.occurred_at.date().isoformat(),
        "External-Identifier": package,
        "Payload-Oxum": f"{total}.{len(payloads)}",
        "Bag-Group-Identifier": head.batch_id,
        "Internal-Sender-Identifier": item.item_id,
        "BagIt-Profile-Identifier": profile.identifier,
        "Bag-Software-Agent": f"copystand {head.producer.version}",
        LAYOUT_FIELD: "2",
        **_filled(profile.info, item, package),
    }
    if item.missing:
        first = ", ".join(item.missing[:MAX_PAGES_LISTED])
        fields["Completeness"] = f"incomplete; {len(item.missing)} pages are missing: {first}"
    return {name: value for name, value in fields.items() if value}


def tag_files(item: ItemRecord, package: str) -> dict[str, dict[str, str]]:
    """The fields of the further tag files, by name."""
    files = profile_of(item).tag_files
    return {name: _filled(files[name], item, package) for name in sorted(files)}


def _filled(fields: Mapping[str, str], item: ItemRecord, package: str) -> dict[str, str]:
    values = {
        "{title}": _title(item),
        "{item_id}": item.item_id,
        "{package_id}": package,
        "{institution}": item.institution.name or "",
    }
    filled = {}
    for name, text in fields.items():
        for key, value in values.items():
            text = text.replace(key, value)
        filled[name] = text
    return filled


def _title(item: ItemRecord) -> str:
    return str(item.description.get("title") or item.item_id)
