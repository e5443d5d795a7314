"""Profiles: the rules for the pages of a batch and what is derived from them."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from processors import pipeline
from processors.institution import Institution
from processors.institution_rules import Rule, RuleFile
from processors.profile_ocr import Ocr, Part, Recognition, UnstatedLanguage
from processors.profile_packaging import Packaging, with_bag_profile
from processors.profile_target import WithTarget
from processors.step import Step

SHIPPED = Path(__file__).parent / "profiles"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
RULES = "rules"
"""Folder of the rule files, below the institution's own profiles."""

Policy = Literal["accept", "warn", "refuse"]
"""What happens to a page with a certain property."""

ImagesPolicy = Policy | Literal["pages"]
"""What happens to a file with several images; with `pages`, each image is a page."""


def _required_branch(value: object) -> object:
    return _one_of(value, pipeline.branches())


def _optional_branch(value: object) -> object:
    return _one_of(value, (*pipeline.branches(), *pipeline.late_branches()))


def _one_of(value: object, steps: Sequence[Step]) -> object:
    """The value, if it is the name of one of these steps."""
    known = sorted(steps, key=lambda step: (step.after_branch, step.name))
    if any(step.name == value for step in known):
        return value
    *most, last = (repr(step.name) for step in known)
    expected = f"{', '.join(most)} or {last}"
    raise PydanticCustomError("branch", "Input should be {expected}", {"expected": expected})


RequiredBranch = Annotated[str, BeforeValidator(_required_branch)]
OptionalBranch = Annotated[str, BeforeValidator(_optional_branch)]


class UnknownProfile(LookupError):
    """No profile has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no profile has the name {name!r}; known: {', '.join(known)}")
        self.name = name
        self.known = known


class InvalidProfile(ValueError):
    """A profile or rule file is invalid; the message says where and why."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code = code


class Limits(Part):
    """Maximum size of a master, checked in its header before it is decoded."""

    max_width_px: int = 100_000
    max_height_px: int = 100_000
    max_pixels: int = 1_000_000_000
    max_bytes: int = 4 * 1024**3


class ReadingImage(Part):
    """A JPEG made for the screen; never larger than the master."""

    long_side_px: int = Field(ge=16, le=65_000)
    """The maximum is that of JPEG."""
    quality: int = Field(default=85, ge=1, le=100)


class Pyramid(Part):
    """A tiled TIFF with all smaller sizes, for image servers."""

    compression: Literal["jpeg", "deflate", "lzw"] = "jpeg"
    quality: int = Field(default=85, ge=1, le=100)
    """Quality of JPEG compression."""
    tile_px: int = Field(default=256, ge=64, le=4096, multiple_of=16)
    """TIFF 6.0 requires multiples of 16."""


class Derivatives(Part):
    """Reading images made from a master; None, or `false` in TOML, omits one."""

    access: ReadingImage | None = ReadingImage(long_side_px=2000)
    thumbnail: ReadingImage | None = ReadingImage(long_side_px=300, quality=80)
    pyramid: Pyramid | None = Pyramid()
    negatives: bool = False
    """Masters are photographic negatives: reading images show the positive, except those of covers
    and targets."""

    @field_validator("access", "thumbnail", "pyramid", mode="before")
    @classmethod
    def _omitted(cls, value: object) -> object:
        return None if value is False else value


class Profile(WithTarget):
    """A resolved profile, including its rules."""

    name: str
    description: str = ""
    formats: tuple[Literal["tiff", "bigtiff", "jpeg", "png"], ...]
    compressions: tuple[str, ...]
    bits_per_sample: tuple[int, ...]
    colour_spaces: tuple[str, ...]
    min_resolution_dpi: float | None = None
    required_branches: tuple[RequiredBranch, ...] = (
        "derive_page",
        "describe_page",
        "recognize_page",
    )
    """Branches that must end before an item is complete."""
    optional_branches: tuple[OptionalBranch, ...] = ("enrich_page",)
    """Further branches, for which no item waits."""
    unknown_resolution: Policy = "warn"
    pixels_not_square: Policy = "warn"
    """The horizontal and vertical resolutions differ; reading images have square pixels."""
    low_resolution: Policy = "warn"
    resolution_tolerance: float = Field(default=0.01, ge=0, lt=1)
    """Share by which a resolution may be below the lowest."""
    missing_icc: Policy = "warn"
    """Bitonal masters need no ICC profile."""
    icc_profiles: tuple[str, ...] = ()
    """Names of the accepted ICC profiles; `device` is each that describes a scanner or camera. All
    are accepted if none is listed."""
    foreign_icc: Policy = "warn"
    """The embedded ICC profile is not one of these."""
    lossy_master: Policy = "warn"
    unusual_layout: Policy = "accept"
    """A palette, samples that are no colours, or colours in separate planes."""
    more_images: ImagesPolicy = "warn"
    irregular_tiff: Policy = "warn"
    """The file violates TIFF 6.0, although every pixel was decoded."""
    ambiguous_image: Policy = "refuse"
    """Every pixel was decoded, but the tags do not say what the pixels show."""
    unusual_structure: Policy = "warn"
    """The decoder reported a problem, although every pixel was decoded."""
    turned: Policy = "warn"
    """The orientation tag requires rotation for display."""
    other_extension: Policy = "warn"
    """The file name has the extension of another format."""
    invalid_record: Policy = "warn"
    """A MODS, Dublin Core or PREMIS record is invalid; invalid METS is always a warning."""
    ocr: Ocr = Ocr()
    unstated_language: UnstatedLanguage = UnstatedLanguage()
    recognition: Recognition = Recognition()
    derivatives: Derivatives = Derivatives()
    limits: Limits = Limits()
    package: Packaging = Packaging()
    institution: Institution = Institution()
    rule_files: tuple[str, ...] = ()
    """Names of the institution's rule files."""
    rules: tuple[Rule, ...] = ()
    """The rules in these files."""

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """The profile in a resolved document; unknown fields are ignored."""
        fields: dict[str, Any] = json.loads(document)
        return cls.model_validate({key: fields[key] for key in fields if key in cls.model_fields})


def names(folder: Path | None = None) -> tuple[str, ...]:
    """Names of all profiles: those shipped and those in the institution's folder."""
    folders = [one for one in (folder, SHIPPED) if one is not None and one.is_dir()]
    found = {path.stem for one in folders for path in one.glob("*.toml")}
    return tuple(sorted(name for name in found if NAME.match(name)))


@dataclass(frozen=True)
class ProfileLookup:
    """The resolved document of a profile, or the error."""

    document: dict[str, Any] | None = None
    code: str | None = None
    found: str = ""
    known: tuple[str, ...] = ()


def look_up(name: str | None, folder: Path | None = None) -> ProfileLookup:
    """The profile with a name, or the error code; neither if the name is None."""
    if name is None:
        return ProfileLookup()
    try:
        return ProfileLookup(resolve(name, folder))
    except UnknownProfile as unknown:
        return ProfileLookup(code="profile.unknown", found=name, known=unknown.known)
    except InvalidProfile as invalid:
        return ProfileLookup(code=invalid.code, found=str(invalid))


def resolve(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The profile with a name, with all defaults, as JSON values; the institution's own profiles
    precede those shipped. Raises UnknownProfile and InvalidProfile."""
    for one in (folder, SHIPPED):
        path = one / f"{name}.toml" if one is not None else None
        if path is not None and NAME.match(name) and path.is_file():
            profile = _validated(name, _with_base(path), folder)
            return profile.model_dump(mode="json", by_alias=True)
    raise UnknownProfile(name, names(folder))


def _with_base(path: Path, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a profile, merged with those of the shipped profiles that it extends."""
    fields = _read(path, "profile.malformed")
    base = fields.pop("extends", None)
    if base is None:
        return fields
    below = SHIPPED / f"{base}.toml"
    if not isinstance(base, str) or not NAME.match(base) or not below.is_file():
        raise InvalidProfile(
            "profile.malformed", f"{path.name}: extends {base!r}, which is not a shipped profile"
        )
    if base in above:
        found = f"{path.name}: extends {base!r}, which extends it"
        raise InvalidProfile("profile.malformed", found)
    return _merged(_with_base(below, (*above, base)), fields)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, with tables merged field by field; `above` overrides `below`."""
    merged = {**below, **above}
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            merged[key] = _merged(below[key], value)
    return merged


def _validated(name: str, fields: dict[str, Any], folder: Path | None) -> Profile:
    fields.setdefault("name", name)
    if "rules" in fields:
        raise InvalidProfile("profile.malformed", f"{name}.toml: rules belong in rule files")
    try:
        profile = Profile.model_validate(fields)
    except ValidationError as wrong:
        raise InvalidProfile("profile.malformed", f"{name}.toml: {_error_text(wrong)}") from wrong
    recognition = profile.recognition
    frozen = (recognition.software, recognition.models, recognition.model_versions)
    if any(one is not None for one in frozen):
        found = f"{name}.toml: software, models and model_versions are set at pre-flight"
        raise InvalidProfile("profile.malformed", found)
    rules = tuple(rule for file in profile.rule_files for rule in _rules(file, folder))
    try:
        package = with_bag_profile(profile.package, profile.institution, folder)
    except ValueError as wrong:
        raise InvalidProfile("profile.malformed", f"{name}.toml: {wrong}") from wrong
    return profile.model_copy(update={"rules": rules, "package": package})


def _rules(name: str, folder: Path | None) -> tuple[Rule, ...]:
    path = folder / RULES / f"{name}.toml" if folder is not None else None
    if path is None or not NAME.match(name) or not path.is_file():
        raise InvalidProfile("profile.rules-malformed", f"{RULES}/{name}.toml does not exist")
    try:
        return RuleFile.model_validate(_read(path, "profile.rules-malformed")).rule
    except ValidationError as wrong:
        found = f"{RULES}/{path.name}: {_error_text(wrong)}"
        raise InvalidProfile("profile.rules-malformed", found) from wrong


def _read(path: Path, code: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise InvalidProfile(code, f"{path.name}: {wrong}") from wrong


def _error_text(wrong: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
        for error in wrong.errors(include_url=False, include_input=False)
    )


def canonical(resolved: dict[str, Any]) -> bytes:
    """A resolved profile as canonical JSON."""
    text = json.dumps(resolved, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()
