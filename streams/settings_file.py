"""The settings file of a home: the variables that fit a line to its machine.

`copystand doctor --tune --write` writes it, and a person may edit it. The environment precedes."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from streams.settings_fields import is_in_file, names_of

NAME = "settings.env"


def settings_file(home: Path) -> Path:
    """The settings file of a home; it may not exist."""
    return home / NAME


def file_lines(home: Path) -> list[str]:
    """The lines of the settings file; none if there is no file, or only its owner can read it."""
    try:
        return settings_file(home).read_text("utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # A station or repository of another user needs none of these variables.
        return []


def assignment_in(line: str) -> tuple[str, str] | None:
    """Name and value that a line sets; None for a comment or an empty line. Raises ValueError."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not NAME=value")
    return name.strip(), value.strip()


def file_values(
    model: type[BaseModel], home: Path, environment: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The values that the settings file sets and the environment does not, and one sentence for
    each wrong line."""
    fields = [names_of(field) for field in model.model_fields.values() if is_in_file(field)]
    allowed = {name for name, *_ in fields}
    precedes = {names[0] for names in fields if any(map(environment.get, names))}
    values: dict[str, str] = {}
    wrong: list[str] = []
    for number, line in enumerate(file_lines(home), 1):
        where = f"{settings_file(home)} line {number}"
        try:
            found = assignment_in(line)
        except ValueError as error:
            wrong.append(f"{where}: {error}")
            continue
        if found is None:
            continue
        name, value = found
        if name not in allowed:
            wrong.append(f"{where}: {name} cannot be set in this file, only in the environment")
        elif name in values:
            wrong.append(f"{where}: {name} is set a second time, remove one of the lines")
        else:
            values[name] = value
    return {name: text for name, text in values.items() if name not in precedes}, wrong


def located(mistake: str, values: Mapping[str, str], home: Path) -> str:
    """A sentence about a variable, with the file if that sets it."""
    name, _, rest = mistake.partition(" ")
    return f"{name} in {settings_file(home)} {rest}" if name in values else mistake
