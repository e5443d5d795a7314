"""The environment variables about a station that is a machine of its own."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel

from streams.settings_fields import variable


def upload_address(text: str) -> str:
    """The address of the uploads, without a slash at its end. Raises ValueError."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise ValueError
    return text.rstrip("/")


class StationVariables(BaseModel):
    """One field for each variable."""

    station: Annotated[Path | None, AfterValidator(lambda one: one and one.absolute())] = variable(
        "COPYSTAND_STATION",
        None,
        "Folder of a station: its spool, its captures, and its credentials in `credential.json`.",
        read_by="station",
        default_text="`spool/` in the home",
    )
    upload_url: Annotated[str, AfterValidator(upload_address)] = variable(
        "COPYSTAND_UPLOAD_URL",
        "",
        "Where the spool sends files: the address of the role `ingest`, such as"
        " `https://line.example.org:8443`.",
        read_by="station",
        must_be="an address with http or https",
        default_text="the store of the line, written directly",
    )
