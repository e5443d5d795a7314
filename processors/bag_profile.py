"""Bag profiles: which manifests, fields and tag files the bag of a package has."""

import json
import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from processors.institution import Institution
from processors.profile_ocr import Part

SHIPPED = Path(__file__).parent / "bag_profiles"
FOLDER = "bags"
"""Folder of the institution's bag profiles, below its profiles."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
FIRST = "sha256"
"""The algorithm of the manifests that every bag has."""
Algorithm = Literal["md5", "sha1", "sha512"]
KNOWN: tuple[Algorithm, ...] = ("md5", "sha1", "sha512")
Value = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
TagFileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*-info\.txt$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]*$")]
Fields = dict[Label, Value]
OF_INSTITUTION = {
    "Source-Organization": "name",
    "Organization-Address": "address",
    "Contact-Name": "contact_name",
    "Contact-Phone": "contact_phone",
    "Contact-Email": "contact_email",
}
"""Fields of bag-info.txt by the setting of the institution that they have."""
ALWAYS = (
    *("Bagging-Date", "Payload-Oxum", "External-Identifier", "External-Description"),
    *("Bag-Group-Identifier", "Bag-Software-Agent", "Internal-Sender-Identifier"),
    *("Package-Layout", "BagIt-Profile-Identifier"),
)
"""Fields that every bag of layout 2 has, the last one if its profile has an identifier."""


class BagProfileWrong(ValueError):
    """A bag profile cannot be used; the message says where and why."""


class BagProfile(Part):
    """What the bags of a batch have in addition to what every bag has."""

    identifier: Value | None = None
    """BagIt-Profile-Identifier."""
    manifests: tuple[Algorithm, ...] = ()
    """Algorithms of further manifests."""
    tag_manifests: tuple[Algorithm, ...] | None = None
    """Algorithms of further tag manifests; None: those of the manifests."""
    required: tuple[str, ...] = ()
    """Fields of bag-info.txt that must be stated."""
    info: Fields = Field(default_factory=dict)
    """Fields of bag-info.txt. `{title}`, `{item_id}`, `{package_id}` and `{institution}` are
    replaced."""
    tag_files: dict[TagFileName, Fields] = Field(default_factory=dict)
    """Further tag files with their fields."""


def bag_profile(
    name: str,
    folder: Path | None,
    institution: Institution,
    info: Mapping[str, str],
    tag_files: Mapping[str, Mapping[str, str]],
) -> BagProfile:
    """The bag profile with a name, completed by the fields of a profile. Raises BagProfileWrong.

    The institution's own bag profiles precede those shipped: TOML, or JSON of a BagIt profile."""
    path = _found(name, folder)
    try:
        given = path.read_text("utf-8")
        fields = _of_json(json.loads(given)) if path.suffix == ".json" else tomllib.loads(given)
        of_file = BagProfile.model_validate(fields.pop("profile", fields))
        added = {
            "info": {**of_file.info, **info},
            "tag_files": _merged(of_file.tag_files, tag_files),
        }
        profile = BagProfile.model_validate({**of_file.model_dump(), **added})
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, error["loc"]))
        raise BagProfileWrong(f"{FOLDER}/{path.name}: {place}: {error['msg']}") from wrong
    except (OSError, ValueError) as wrong:
        raise BagProfileWrong(f"{FOLDER}/{path.name}: {wrong}") from wrong
    for problem in (*_missing(profile, institution), *_restrictions(fields, profile)):
        raise BagProfileWrong(f"{FOLDER}/{path.name}: {problem}")
    return profile


def _found(name: str, folder: Path | None) -> Path:
    own = [folder / FOLDER / f"{name}{suffix}" for suffix in (".toml", ".json")] if folder else []
    for path in (*own, SHIPPED / f"{name}.toml"):
        if NAME.match(name) and path.is_file():
            return path
    raise BagProfileWrong(f"no bag profile has the name {name!r}")


def _merged(
    below: Mapping[str, Mapping[str, str]], above: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    return {name: {**below.get(name, {}), **above.get(name, {})} for name in {**below, **above}}


def _missing(profile: BagProfile, institution: Institution) -> list[str]:
    """Required fields that neither the line nor the profile states."""
    stated = {*ALWAYS, *profile.info}
    stated |= {name for name, key in OF_INSTITUTION.items() if getattr(institution, key)}
    if profile.identifier is None:
        stated.discard("BagIt-Profile-Identifier")
    lacking = [name for name in profile.required if name not in stated]
    where = "[institution] or [package.info]"
    return [f"{', '.join(lacking)} must be stated in {where}"] if lacking else []


def _of_json(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a BagIt profile (https://bagit-profiles.github.io/bagit-profiles-specification),
    with what restricts them beside."""
    about = document["BagIt-Profile-Info"]
    rules = {name: rule for name, rule in (document.get("Bag-Info") or {}).items()}
    versions = document.get("Accept-BagIt-Version") or ["1.0"]
    if "1.0" not in versions:
        raise ValueError(f"Accept-BagIt-Version is {', '.join(versions)}; bags have version 1.0")
    manifests = _algorithms(document, "Manifests")
    profile = {
        "identifier": about["BagIt-Profile-Identifier"],
        "manifests": manifests,
        "tag_manifests": _algorithms(document, "Tag-Manifests"),
        "required": [name for name, rule in rules.items() if rule.get("required")],
        "info": {
            name: rule["values"][0]
            for name, rule in rules.items()
            if rule.get("required") and len(rule.get("values") or ()) == 1
        },
    }
    return {"profile": profile, "rules": rules, "document": document}


def _algorithms(document: dict[str, Any], kind: str) -> list[str]:
    """The further algorithms of a BagIt profile: those required, and SHA-512 if it is allowed."""
    required = document.get(f"{kind}-Required") or []
    allowed = document.get(f"{kind}-Allowed")
    unknown = sorted({*required} - {FIRST, *KNOWN})
    if unknown or (allowed and FIRST not in allowed):
        found = f"requires {', '.join(unknown)}" if unknown else f"does not allow {FIRST}"
        raise ValueError(f"{kind}: {found}")
    more = ["sha512"] if not allowed or "sha512" in allowed else []
    return [name for name in KNOWN if name in (*required, *more)]


def _restrictions(fields: Mapping[str, Any], profile: BagProfile) -> list[str]:
    """Violations of a BagIt profile by the values and tag files that are stated."""
    found = []
    for name, value in profile.info.items():
        values = (fields.get("rules") or {}).get(name, {}).get("values")
        if values and value not in values:
            found.append(f"{name} must be one of {', '.join(values)}")
    document = fields.get("document") or {}
    own = ("bagit.txt", "bag-info.txt", "manifest-*.txt", "tagmanifest-*.txt")
    required = [
        name
        for name in document.get("Tag-Files-Required") or ()
        if name not in profile.tag_files and not any(fnmatchcase(name, one) for one in own)
    ]
    if required:
        found.append(f"{', '.join(required)} must be stated in [package.tag_files]")
    allowed = document.get("Tag-Files-Allowed") or ["*"]
    found += [
        f"{name} is not in Tag-Files-Allowed"
        for name in profile.tag_files
        if not any(fnmatchcase(name, one) for one in allowed)
    ]
    return found
