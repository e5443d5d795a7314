"""Profiles: what a batch may contain and what is made of it, frozen into one JSON document."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from processors import pipeline
from processors.institution_rules import Rule, RuleFile
from processors.step import Step

SHIPPED = Path(__file__).parent / "profiles"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
RULES = "rules"
"""Folder of the rule files, among the institution's own profiles."""

Policy = Literal["accept", "warn", "refuse"]
"""What happens to a page that shows a certain thing."""


def _required_branch(value: object) -> object:
    return _one_of(value, pipeline.branches())


def _optional_branch(value: object) -> object:
    return _one_of(value, (*pipeline.branches(), *pipeline.late_branches()))


def _one_of(value: object, steps: Sequence[Step]) -> object:
    """The value, when it names one of these steps."""
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


class UnfitProfile(ValueError):
    """A profile or rule file that cannot be used; the text says where and why."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code = code


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Part):
    """The largest master that is decoded; read from the header before anything else."""

    max_width_px: int = 100_000
    max_height_px: int = 100_000
    max_pixels: int = 1_000_000_000
    max_bytes: int = 4 * 1024**3


class Ocr(_Part):
    """How text is recognised."""

    enabled: bool = True
    dpi: int = 300
    """Masters of a higher resolution are read in a copy of this one."""
    max_long_side_px: int = 6000
    """Longest side of the copy when the resolution of the master is unknown."""
    confidence_floor: float = 50.0
    """A page whose mean word confidence (0 to 100) lies below gets a warning."""
    timeout_seconds: float = 150.0
    orientation: bool = True
    """Whether a page that cannot be read as it stands is tried turned."""


class ReadingImage(_Part):
    """A JPEG made for the screen; never larger than the master."""

    long_side_px: int = Field(ge=16, le=65_000)
    """No more than JPEG can hold."""
    quality: int = Field(default=85, ge=1, le=100)


class Pyramid(_Part):
    """A tiled TIFF with all smaller sizes inside, for image servers."""

    compression: Literal["jpeg", "deflate", "lzw"] = "jpeg"
    quality: int = Field(default=85, ge=1, le=100)
    """Of JPEG."""
    tile_px: int = Field(default=256, ge=64, le=4096, multiple_of=16)
    """TIFF 6.0 wants multiples of 16."""


class Derivatives(_Part):
    """What is made from a master; None leaves one out, and TOML says `false` for it."""

    access: ReadingImage | None = ReadingImage(long_side_px=2000)
    thumbnail: ReadingImage | None = ReadingImage(long_side_px=300, quality=80)
    pyramid: Pyramid | None = Pyramid()
    negatives: bool = False
    """Masters are photographic negatives: reading images show the positive, but for covers and
    targets."""

    @field_validator("access", "thumbnail", "pyramid", mode="before")
    @classmethod
    def _left_out(cls, value: object) -> object:
        return None if value is False else value


class Profile(_Part):
    """A resolved profile: nothing is left to look up."""

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
    """What a page waits for."""
    optional_branches: tuple[OptionalBranch, ...] = ("enrich_page",)
    """What is made of a page besides, and never waited for."""
    unknown_resolution: Policy = "warn"
    low_resolution: Policy = "warn"
    missing_icc: Policy = "warn"
    """Bitonal masters owe no ICC profile."""
    lossy_master: Policy = "warn"
    more_images: Policy = "warn"
    irregular_tiff: Policy = "refuse"
    """The file breaks rules of TIFF 6.0, though every pixel was decoded here: another reader, or
    this one in twenty years, may see something else."""
    unusual_structure: Policy = "warn"
    """The decoder complains of tags, though every pixel is sound."""
    turned: Policy = "warn"
    """An orientation tag says that the image is to be turned for display."""
    other_extension: Policy = "warn"
    """The file's name promises another format."""
    invalid_record: Policy = "warn"
    """A MODS, Dublin Core or PREMIS record breaks its schema; of METS that is told alone."""
    ocr: Ocr = Ocr()
    derivatives: Derivatives = Derivatives()
    limits: Limits = Limits()
    rule_files: tuple[str, ...] = ()
    """The institution's own rule files, by name."""
    rules: tuple[Rule, ...] = ()
    """What stands in them."""

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """The profile in a resolved document; what else stands there is for other steps."""
        fields: dict[str, Any] = json.loads(document)
        return cls.model_validate({key: fields[key] for key in fields if key in cls.model_fields})


def names(folder: Path | None = None) -> tuple[str, ...]:
    """The profiles that can be named: those shipped and those of the user's folder."""
    folders = [place for place in (folder, SHIPPED) if place is not None and place.is_dir()]
    found = {path.stem for place in folders for path in place.glob("*.toml")}
    return tuple(sorted(name for name in found if NAME.match(name)))


@dataclass(frozen=True)
class LookedUp:
    """A profile that was asked for: its resolved document, or why there is none."""

    document: dict[str, Any] | None = None
    code: str | None = None
    found: str = ""
    known: tuple[str, ...] = ()


def look_up(name: str | None, folder: Path | None = None) -> LookedUp:
    """The profile of that name, or the code of what is wrong; neither where none is named."""
    if name is None:
        return LookedUp()
    try:
        return LookedUp(resolve(name, folder))
    except UnknownProfile as unknown:
        return LookedUp(code="profile.unknown", found=name, known=unknown.known)
    except UnfitProfile as unfit:
        return LookedUp(code=unfit.code, found=str(unfit))


def resolve(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The profile of that name with everything filled in, as plain JSON values; the user's own
    comes before one shipped. Raises UnknownProfile, and UnfitProfile for one that is wrong."""
    for place in (folder, SHIPPED):
        path = place / f"{name}.toml" if place is not None else None
        if path is not None and NAME.match(name) and path.is_file():
            made = _validated(name, _with_base(path), folder)
            return made.model_dump(mode="json", by_alias=True)
    raise UnknownProfile(name, names(folder))


def _with_base(path: Path) -> dict[str, Any]:
    """The fields of a profile, over those of the shipped one that it extends."""
    fields = _read(path, "profile.malformed")
    base = fields.pop("extends", None)
    if base is None:
        return fields
    below = SHIPPED / f"{base}.toml"
    if not isinstance(base, str) or not NAME.match(base) or not below.is_file():
        raise UnfitProfile(
            "profile.malformed", f"{path.name}: extends {base!r}, which is not a shipped profile"
        )
    return _merged(_read(below, "profile.malformed"), fields)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, tables merged field by field; what stands above counts."""
    made = {**below, **above}
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            made[key] = _merged(below[key], value)
    return made


def _validated(name: str, fields: dict[str, Any], folder: Path | None) -> Profile:
    fields.setdefault("name", name)
    if "rules" in fields:
        raise UnfitProfile("profile.malformed", f"{name}.toml: rules belong in rule files")
    try:
        made = Profile.model_validate(fields)
    except ValidationError as wrong:
        raise UnfitProfile("profile.malformed", f"{name}.toml: {_told(wrong)}") from wrong
    rules = tuple(rule for file in made.rule_files for rule in _rules(file, folder))
    return made.model_copy(update={"rules": rules})


def _rules(name: str, folder: Path | None) -> tuple[Rule, ...]:
    path = folder / RULES / f"{name}.toml" if folder is not None else None
    if path is None or not NAME.match(name) or not path.is_file():
        raise UnfitProfile("profile.rules-malformed", f"{RULES}/{name}.toml does not exist")
    try:
        return RuleFile.model_validate(_read(path, "profile.rules-malformed")).rule
    except ValidationError as wrong:
        found = f"{RULES}/{path.name}: {_told(wrong)}"
        raise UnfitProfile("profile.rules-malformed", found) from wrong


def _read(path: Path, code: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise UnfitProfile(code, f"{path.name}: {wrong}") from wrong


def _told(wrong: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
        for error in wrong.errors(include_url=False, include_input=False)
    )


def canonical(resolved: dict[str, Any]) -> bytes:
    """The bytes under which a resolved profile is kept."""
    text = json.dumps(resolved, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()
