"""Options of the commands that scan: the device, and what it is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from schemas import ids
from streams.clients.capture.routing import DRIVERS
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import Wishes


def batch_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value, if it is an id of a batch."""
    if value is not None and not ids.BATCH_ID.match(value):
        raise click.BadParameter(
            "must be 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit"
        )
    return value


def pseudonym(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value, if it is a pseudonym."""
    if value is not None and not ids.PSEUDONYM.match(value):
        raise click.BadParameter("person.not-a-pseudonym: must be a pseudonym such as o-17")
    return value


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that choose a device and its settings."""
    sources, colours = [one.value for one in Source], [one.value for one in ColourMode]
    for option in (
        click.option(
            "--icc-profile",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="ICC profile of the device, which is embedded in each page.",
        ),
        click.option(
            "--resolution", type=click.FloatRange(min=1), metavar="DPI", help="Resolution."
        ),
        click.option("--colour", type=click.Choice(colours), help="Colours."),
        click.option("--source", type=click.Choice(sources), help="Paper source."),
        click.option("--device", metavar="NAME|URL", help="Name, URL or folder of the device."),
        click.option("--driver", type=click.Choice(DRIVERS), help="Way to reach the device."),
    ):
        command = option(command)
    return command


def wishes_of(options: dict[str, Any]) -> Wishes:
    """What the options ask of a device."""
    source, colour = options["source"], options["colour"]
    return Wishes(
        Source(source) if source else None,
        ColourMode(colour) if colour else None,
        options["resolution"],
        options["icc_profile"],
    )
