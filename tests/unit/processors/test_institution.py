"""The institution in a profile: what it states is checked, what it leaves out is left out."""

from pathlib import Path

import pytest

from processors import profile
from processors.institution import Institution, address_of


def test_the_institution_owns_the_rights_and_is_asked_by_mail_if_nothing_else_is_stated() -> None:
    library = Institution(name="City Library", contact_email="digi@library.example")

    assert (library.owner, library.owner_contact) == ("City Library", "mailto:digi@library.example")


def test_another_owner_of_the_rights_is_stated() -> None:
    library = Institution(
        name="L", rights_owner="Heirs", rights_contact="https://heirs.example/ask"
    )

    assert (library.owner, library.owner_contact) == ("Heirs", "https://heirs.example/ask")


def test_an_institution_that_states_nothing_has_no_owner() -> None:
    assert (Institution().owner, Institution().owner_contact) == (None, None)


def test_the_address_of_an_item_has_its_id() -> None:
    assert address_of("https://l.example/{item_id}/view", "vol-1") == "https://l.example/vol-1/view"
    assert address_of(None, "vol-1") is None


@pytest.mark.parametrize(
    "line",
    [
        'site = "library.example"',
        'logo = "javascript:alert(1)"',
        'rights_contact = "digi@library.example"',
        'contact_email = "nobody"',
        'name = " "',
        'name = "A\\nContact-Name: B"',
        'colour = "red"',
    ],
)
def test_a_setting_that_is_no_address_or_name_is_malformed(tmp_path: Path, line: str) -> None:
    (tmp_path / "mine.toml").write_text(f'extends = "book-colour"\n[institution]\n{line}\n')

    with pytest.raises(profile.InvalidProfile, match=r"mine\.toml: institution\.") as wrong:
        profile.resolve("mine", tmp_path)
    assert wrong.value.code == "profile.malformed"
