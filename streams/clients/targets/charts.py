"""Charts: what a colour target looks like, in a TOML file beside the profiles."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from processors.profile import SHIPPED
from processors.profile_target import CHART_NAME

TARGETS = "targets"
"""Folder of the charts, below that of the profiles."""
FEWEST_TO_FIND = 12
"""Fewer patches, or one row of them, resemble too much that is not a chart."""
Numbers = NDArray[np.float64]
Point = tuple[float, float]


class UnusableChart(Exception):
    """A chart does not exist or is invalid; the text says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Patch(_Part):
    """One colour."""

    name: str
    lab: tuple[float, float, float]
    """L*, a*, b* for the illuminant of the chart and the observer of 2 degrees."""


def _patch(value: object) -> object:
    """A patch that is written as a list: its name, then three numbers."""
    if isinstance(value, list) and len(value) == 4:
        return {"name": value[0], "lab": tuple(value[1:])}
    return value


class Ruler(_Part):
    """Marks at equal distances along a line."""

    begin: Point
    """Where the marks begin, relative to the corners: (0, 0) is top left, (1, 1) bottom right."""
    end: Point
    tick_mm: float = Field(gt=0)
    """Distance between two marks."""


class Chart(_Part):
    """A grid of patches, a ruler, or both."""

    name: str
    description: str = ""
    illuminant: Literal["D50", "D65"] = "D50"
    columns: int = Field(default=0, ge=0, le=60)
    rows: int = Field(default=0, ge=0, le=60)
    gap: float = Field(default=0.0, ge=0, le=0.6)
    """Space between two patches, as a share of the distance of their centres."""
    width_mm: float | None = Field(default=None, gt=0)
    """Width of the grid, from the outer edge of the first patch to that of the last."""
    patches: tuple[Annotated[Patch, BeforeValidator(_patch)], ...] = ()
    """From left to right, then from top to bottom."""
    neutral: tuple[str, ...] = ()
    """Names of the grey patches."""
    ruler: Ruler | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(self.patches) != self.columns * self.rows:
            found = f"{len(self.patches)} patches, {self.columns} columns, {self.rows} rows"
            raise ValueError(f"{found} do not agree")
        if not self.patches and self.ruler is None:
            raise ValueError("the chart has neither patches nor a ruler")
        unknown = set(self.neutral) - {one.name for one in self.patches}
        if unknown:
            raise ValueError(f"neutral names unknown patches: {', '.join(sorted(unknown))}")
        return self

    @classmethod
    def load(cls, name: str, profiles: Path | None) -> Self:
        """The chart with a name: the institution's own, else a shipped one. Raises
        UnusableChart."""
        for folder in (profiles, SHIPPED):
            path = folder / TARGETS / f"{name}.toml" if folder is not None else None
            if path is None or not re.fullmatch(CHART_NAME, name) or not path.is_file():
                continue
            try:
                return cls.model_validate({**tomllib.loads(path.read_text("utf-8")), "name": name})
            except ValidationError as wrong:
                first = wrong.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, first["loc"])) or "chart"
                raise UnusableChart(f"{path.name}: {where}: {first['msg']}") from wrong
            except (OSError, ValueError) as wrong:
                raise UnusableChart(f"{path.name}: {wrong}") from wrong
        raise UnusableChart(f"{TARGETS}/{name}.toml does not exist")

    @property
    def can_be_found(self) -> bool:
        """Whether its patches suffice to find it in an image."""
        coloured = len(self.patches) - len(self.neutral)
        return coloured >= FEWEST_TO_FIND and min(self.columns, self.rows) > 1

    @property
    def aspect(self) -> float:
        """Width of the grid divided by its height."""
        return (self.columns - self.gap) / (self.rows - self.gap)

    @property
    def lab(self) -> Numbers:
        """The reference values, one row for each patch."""
        return np.array([one.lab for one in self.patches], dtype=np.float64).reshape(-1, 3)

    def cells(self) -> Numbers:
        """Left, top, width and height of each patch, relative to the corners."""
        across, down = 1 / (self.columns - self.gap), 1 / (self.rows - self.gap)
        width, height = across * (1 - self.gap), down * (1 - self.gap)
        found = [
            (column * across, row * down, width, height)
            for row in range(self.rows)
            for column in range(self.columns)
        ]
        return np.array(found, dtype=np.float64).reshape(-1, 4)

    def is_neutral(self) -> NDArray[np.bool_]:
        """Which patches are grey."""
        return np.array([one.name in self.neutral for one in self.patches], dtype=bool)
