"""Compares a measured target with the aims of the profile, and describes it in words."""

from collections.abc import Iterator
from typing import Any

from processors.master_finding import Finding
from processors.profile_target import Target

TARGET_CODES = "target."
"""Beginning of all codes about targets."""


def target_findings(measured: dict[str, Any], aims: Target) -> tuple[Finding, ...]:
    """The aims that a target does not reach, as warnings."""
    found = (
        *_above(measured, aims),
        *_tones(measured, aims),
        *_resolution(measured, aims),
    )
    return tuple(Finding(code, text, refused=False) for code, text in found)


def _above(measured: dict[str, Any], aims: Target) -> Iterator[tuple[str, str]]:
    """Colour differences that are larger than they may be."""
    worst = measured.get("worst_patch")
    limits = (
        ("target.colour-off", "mean_delta_e", aims.max_mean_delta_e, "the mean colour difference"),
        (
            *("target.colour-off", "90th_delta_e", aims.max_90th_delta_e),
            "the 90th percentile of the colour differences",
        ),
        (
            *("target.colour-off", "max_delta_e", aims.max_delta_e),
            f"the colour difference of patch {worst}",
        ),
        (
            *("target.neutral-off", "white_balance", aims.max_white_balance),
            "the colour difference of a grey patch without lightness",
        ),
    )
    for code, name, limit, what in limits:
        value = measured.get(name)
        if limit is not None and value is not None and value > limit:
            text = f"{what} is {value:.1f}, the limit is {limit:g}"
            if name == "white_balance":
                text += f"; on average a* differs by {measured['cast_a']:+.1f}"
                text += f", b* by {measured['cast_b']:+.1f}"
            yield code, text


def _tones(measured: dict[str, Any], aims: Target) -> Iterator[tuple[str, str]]:
    error, limit = measured.get("lightness_error"), aims.max_lightness_error
    if error is not None and limit is not None and abs(error) > limit:
        text = f"the lightness of a grey patch differs by {error:+.1f}, the limit is {limit:g}"
        yield "target.tone-off", text
    least, most = measured.get("least_gain"), measured.get("most_gain")
    if least is not None and aims.min_gain is not None and least < aims.min_gain:
        text = f"a step between grey patches is {least:.2f} of the true step"
        yield "target.tone-off", f"{text}, the limit is {aims.min_gain:g}"
    if most is not None and aims.max_gain is not None and most > aims.max_gain:
        text = f"a step between grey patches is {most:.2f} of the true step"
        yield "target.tone-off", f"{text}, the limit is {aims.max_gain:g}"


def _resolution(measured: dict[str, Any], aims: Target) -> Iterator[tuple[str, str]]:
    stated, found = measured["stated_dpi"], measured["measured_dpi"]
    limit = aims.max_resolution_error
    if limit is None or not stated or not found or abs(found / stated - 1) <= limit:
        return
    text = f"the target shows {found:.1f} dpi, the file states {stated:g} dpi"
    yield "target.resolution-off", f"{text}; the limit is {limit:.1%}"


def in_words(measured: dict[str, Any]) -> str:
    """The measures of a target as a text."""
    names = (
        ("mean_delta_e", "mean colour difference"),
        ("90th_delta_e", "90th percentile"),
        ("max_delta_e", "largest"),
        ("white_balance", "largest of a grey patch without lightness"),
        ("cast_a", "mean difference of grey patches in a*"),
        ("cast_b", "in b*"),
        ("lightness_error", "largest difference of a grey patch in L*"),
        ("least_gain", "smallest step between grey patches as a share of the true step"),
        ("most_gain", "largest step"),
        ("measured_dpi", "measured resolution in dpi"),
        ("stated_dpi", "stated resolution in dpi"),
    )
    values = (
        f"{what} {measured[name]:g}" for name, what in names if measured.get(name) is not None
    )
    return "; ".join((f"formula {measured['formula']}", *values))
