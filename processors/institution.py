"""The part of a profile about the institution: who it is, and where its items are shown."""

from typing import Annotated

from pydantic import Field

from processors.profile_ocr import Part

Web = Annotated[str, Field(pattern=r"^https?://[^\s<>\"]+$")]
Contact = Annotated[str, Field(pattern=r"^(mailto:[^\s<>\"]+@[^\s<>\"]+|https?://[^\s<>\"]+)$")]
Line = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
ITEM = "{item_id}"


class Institution(Part):
    """What packages of layout 2 state about the institution; what is not stated is left out."""

    name: Line | None = None
    address: Line | None = None
    contact_name: Line | None = None
    contact_email: Annotated[str, Field(pattern=r"^[^\s<>\"]+@[^\s<>\"]+$")] | None = None
    contact_phone: Line | None = None
    identifier: Line | None = None
    """Such as an ISIL."""
    site: Web | None = None
    logo: Web | None = None
    rights_owner: Line | None = None
    """None: the institution."""
    rights_contact: Contact | None = None
    """None: its e-mail address."""
    license: Web | None = None
    """The licence of items whose rights are not stated."""
    presentation: Web | None = None
    """Where an item is shown; `{item_id}` is replaced."""
    reference: Web | None = None
    """Where an item is in the catalogue; `{item_id}` is replaced."""
    files: Web | None = None
    """Address of the folder `data` of an item in a repository; `{item_id}` is replaced."""

    @property
    def owner(self) -> str | None:
        """The owner of the rights."""
        return self.rights_owner or self.name

    @property
    def owner_contact(self) -> str | None:
        """How to ask for rights, as a URI."""
        return self.rights_contact or (self.contact_email and f"mailto:{self.contact_email}")


def address_of(template: str | None, item_id: str) -> str | None:
    """The address of an item, from an address with `{item_id}`. An item_id needs no encoding."""
    return template and template.replace(ITEM, item_id)
