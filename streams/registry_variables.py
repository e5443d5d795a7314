"""The environment variables about schema registries."""

from pathlib import Path

from pydantic import BaseModel

from streams.settings_fields import variable


class RegistryVariables(BaseModel):
    """One field for each variable."""

    schema_registry: str = variable(
        "COPYSTAND_SCHEMA_REGISTRY",
        "",
        "Address of a schema registry with Confluent's API. `copystand up` compares it with the"
        " schemas of this installation, and copies those of later versions into the home.",
        read_by="`copystand up`",
        default_text="none: the schemas of the installation",
    )
    schema_registry_login: str = variable(
        "COPYSTAND_SCHEMA_REGISTRY_LOGIN",
        "",
        "User and password of that registry, as `user:password`.",
        read_by="`copystand up`, `copystand schemas push`",
        secret=True,
    )
    later_schemas: Path | None = variable(
        "COPYSTAND_LATER_SCHEMAS",
        None,
        "Folder with schemas of later versions, which messages may have. `copystand up` sets it for"
        " the roles when there is a registry.",
        read_by="all roles",
    )
