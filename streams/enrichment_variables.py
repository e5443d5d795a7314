"""The environment variable about the models that look at pages."""

from typing import Annotated

from pydantic import BaseModel, PlainValidator

from streams.settings_fields import variable


def read_switch(text: str | bool) -> bool:
    """Whether a switch is on. Raises ValueError."""
    if text not in ("on", "off", True, False):
        raise ValueError
    return text in ("on", True)


class EnrichmentVariables(BaseModel):
    """Whether models look at the pages of completed items."""

    enrichment: Annotated[bool, PlainValidator(read_switch)] = variable(
        "COPYSTAND_ENRICHMENT",
        True,
        "Whether `copystand up` starts the role `enrichment`, in which models look at the pages of"
        " completed items. The line does not wait for it.",
        read_by="`copystand up`",
        must_be="on or off",
        default_text="`on`",
        in_file=True,
    )
