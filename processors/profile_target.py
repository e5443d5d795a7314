"""The part of a profile about colour targets: the chart, and how exactly it is reproduced."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from processors.profile_ocr import Part


def _omitted(value: object) -> object:
    return None if value is False else value


Limit = Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_omitted)]
"""`false` omits the limit of a profile that is extended."""
CHART_NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"


class Target(Part):
    """The aims for a chart that is captured as a page of the kind `target`; a limit that is not
    stated is not checked."""

    chart: str = Field(pattern=CHART_NAME)
    """The name of a file in `targets/`, beside the profiles."""
    formula: Literal["ciede2000", "ciede2000-sl1"] = "ciede2000"
    """With `sl1`, lightness has the same weight in dark, light and medium colours."""
    max_mean_delta_e: Limit = None
    max_90th_delta_e: Limit = None
    """Limit for the 90th percentile of all patches."""
    max_delta_e: Limit = None
    max_white_balance: Limit = None
    """Limit for the colour difference of each neutral patch, without lightness."""
    max_lightness_error: Limit = None
    """Limit for the difference in L* of each neutral patch."""
    min_gain: Limit = None
    max_gain: Limit = None
    """Limits for each step in L* between neutral patches, as a share of the true step."""
    max_resolution_error: Limit = None
    """Share by which the measured resolution may differ from the one that the file states."""


class WithTarget(Part):
    """What may have aims for a chart."""

    target: Target | None = None
    """How exactly a chart has to be reproduced; stations measure pages of the kind `target`."""

    @model_serializer(mode="wrap")
    def _without_targets(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A profile without targets is written as before there were any."""
        fields: dict[str, Any] = written(self)
        target = fields.pop("target", None)
        return fields if target is None else {**fields, "target": target}
