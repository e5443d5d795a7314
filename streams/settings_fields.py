"""One environment variable as a field of the settings, and the sentences about a wrong one."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from infra import ports


class Mistake(ValueError):
    """What is wrong with a value, in words that follow the variable's name."""


def variable(
    name: str,
    default: Any,
    effect: str,
    *,
    read_by: str,
    unit: str = "",
    must_be: str = "",
    default_text: str = "",
    old_name: str = "",
    secret: bool = False,
    in_file: bool = False,
    **limits: Any,
) -> Any:
    """A field that the variable `name` sets. A default that is callable is called for its value.

    `must_be` says what is allowed where `limits` do not; `default_text` is the default in words.
    With `in_file`, the settings file of the home can set it too."""
    more: JsonDict = {
        "in_file": in_file,
        "unit": unit,
        "read_by": read_by,
        "must_be": must_be,
        "default_text": default_text,
    }
    how = {"default_factory": default} if callable(default) else {"default": default}
    names = AliasChoices(name, old_name) if old_name else AliasChoices(name)
    return Field(
        **how,
        validation_alias=names,
        description=effect,
        json_schema_extra=more,
        repr=not secret,
        **limits,
    )


def names_of(field: FieldInfo) -> list[str]:
    """The names of the variable that sets a field: the one of today, then an old one."""
    assert isinstance(field.validation_alias, AliasChoices)
    return [str(name) for name in field.validation_alias.choices]


def about(field: FieldInfo, key: str) -> str:
    """What the field says of its `unit`, `read_by`, `must_be` or `default_text`."""
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra[key])


def is_in_file(field: FieldInfo) -> bool:
    """Whether the settings file of the home can set the field."""
    assert isinstance(field.json_schema_extra, dict)
    return bool(field.json_schema_extra["in_file"])


def constraint(field: FieldInfo) -> str:
    """What the value of a field must be, in words."""
    least = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
    return about(field, "must_be") or "".join(f"{limit:g} or more" for limit in least)


def values_of(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, Any]:
    """The value of each field that the environment sets; the name of today precedes an old one.

    An empty value counts as not set."""
    return {
        field: texts[0]
        for field, info in model.model_fields.items()
        if (texts := [environment[name] for name in names_of(info) if environment.get(name)])
    }


def renamed(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, str]:
    """The old names that the environment still sets, each with the name of today."""
    pairs = [names_of(field) for field in model.model_fields.values()]
    return {old: new for new, *olds in pairs for old in olds if environment.get(old)}


def mistakes(
    model: type[BaseModel], environment: Mapping[str, str], refused: ValidationError | None
) -> Iterator[str]:
    """One sentence for each variable that is wrong."""
    for error in refused.errors() if refused else ():
        name = str(error["loc"][0])
        field = next(
            field
            for key, field in model.model_fields.items()
            if name == key or name in names_of(field)
        )
        set_ones = [name for name in names_of(field) if environment.get(name)]
        name = (set_ones or names_of(field))[0]
        reason = error.get("ctx", {}).get("error")
        wrong = f"must be {constraint(field)}, got {error['input']!r}"
        yield f"{name} {reason if isinstance(reason, Mistake) else wrong}"
    for old, new in renamed(model, environment).items():
        if environment.get(new, environment[old]) != environment[old]:
            yield (
                f"{old} is the old name of {new}, and the two differ:"
                f" {environment[old]!r}, {environment[new]!r}; unset {old}"
            )


def cluster_size(count: int) -> int:
    """The number of brokers of a home. Raises ValueError."""
    if count not in ports.CLUSTER_SIZES:
        raise ValueError
    return count


def ports_by_name(text: str | Mapping[str, int]) -> dict[str, int]:
    """Ports given as `kafka=20001,postgres=20002`. Raises ValueError."""
    if isinstance(text, str):
        return {name: int(port) for name, port in (pair.split("=") for pair in text.split(","))}
    return dict(text)
