"""`copystand profile`: the profiles of this home, and what each accepts."""

from pathlib import Path
from typing import Any

import click

from processors.profile import InvalidProfile, UnknownProfile, names, resolve
from streams.console import Exit, blocks, emit, fail, fields, json_option, out, styled
from streams.settings import Settings


@click.group()
def profile() -> None:
    """Show the profiles for batches."""


@profile.command("list")
@json_option
def list_profiles(as_json: bool) -> None:
    """List the profiles that are shipped and those of this home."""
    folder = Settings.load().home / "profiles"
    emit([_row(name, folder) for name in names(folder)], as_json, _print_list)


@profile.command()
@click.argument("name", metavar="NAME")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a profile with all defaults."""
    folder = Settings.load().home / "profiles"
    try:
        resolved = resolve(name, folder)
    except UnknownProfile as unknown:
        fail(Exit.USAGE, f"profile.unknown: {unknown}", "List all profiles: copystand profile list")
    except InvalidProfile as invalid:
        fail(
            Exit.FAILED, f"{invalid.code}: {invalid}", "Correct the file in profiles/ of the home."
        )
    emit(resolved, as_json, _print_one)


def _row(name: str, folder: Path) -> dict[str, Any]:
    """A profile in a few words, or why it is not valid."""
    own = (folder / f"{name}.toml").is_file()
    row: dict[str, Any] = {"name": name, "origin": "this home" if own else "shipped"}
    try:
        resolved = resolve(name, folder)
    except InvalidProfile as invalid:
        return {**row, "description": None, "problem": f"{invalid.code}: {invalid}"}
    lowest = resolved["min_resolution_dpi"]
    return {
        **row,
        "description": resolved["description"],
        "resolution": f"{lowest:g} dpi or more" if lowest else "any",
        "bits": resolved["bits_per_sample"],
        "colours": resolved["colour_spaces"],
        "formats": resolved["formats"],
        "compressions": resolved["compressions"],
        "problem": None,
    }


def _print_list(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        line = "problem" if row["problem"] else "description"
        blocks([row], ["name", "origin"], [line])


def _print_one(resolved: dict[str, Any]) -> None:
    """Each key with its value, tables as `table.key`."""
    lines: dict[str, Any] = {}
    for key, value in resolved.items():
        inner = value if isinstance(value, dict) else None
        lines |= {f"{key}.{name}": one for name, one in inner.items()} if inner else {key: value}
    out.print(fields({name: styled(_words(value)) for name, value in lines.items()}))


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
