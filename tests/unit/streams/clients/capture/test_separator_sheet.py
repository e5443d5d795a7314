"""What the codes of separator sheets say."""

import pytest

from streams.clients.capture.separator_sheet import SHEET_KINDS, SeparatorSheet

NAMES = ("Ms. germ. fol. {}", "ms-{}", "Ünïcode/{} & Söhne", "Rés. m. Yc. {}: carton ? #", "{}")


def a_sheet(number: int) -> SeparatorSheet:
    name = NAMES[number % len(NAMES)].format(number)
    return (
        SeparatorSheet(item=name),
        SeparatorSheet(kind=SHEET_KINDS[number % len(SHEET_KINDS)]),
        SeparatorSheet(item=name, kind="cover", label=f"{number}r"),
        SeparatorSheet(order=f"O-{number}"),
    )[number % 4]


@pytest.mark.parametrize("number", range(40))
def test_a_sheet_is_read_as_it_was_written(number: int):
    sheet = a_sheet(number)

    assert SeparatorSheet.read(sheet.payload()) == sheet


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/item?item=1",
        "COPYSTAND-SHEET:1:item=ms-1",
        "COPYSTAND-SHEET:1:item=ms-1:0000000000",
        SeparatorSheet(item="ms-1").payload().lower(),
        SeparatorSheet(item="ms-1").payload() + " ",
        SeparatorSheet(item="ms-1").payload().replace("ms-1", "ms-2"),
        SeparatorSheet(item="ms-1").payload()[:-1],
    ],
)
def test_other_codes_are_no_sheet(text: str):
    assert SeparatorSheet.read(text) is None


def test_each_changed_letter_is_noticed():
    payload = SeparatorSheet(item="Ms. 17/a", kind="cover").payload()
    changed = [f"{payload[:at]}x{payload[at + 1 :]}" for at in range(len(payload))]

    assert {SeparatorSheet.read(one) for one in changed if one != payload} == {None}


@pytest.mark.parametrize(
    "sheet",
    [
        SeparatorSheet(),
        SeparatorSheet(kind="missing"),
        SeparatorSheet(kind="map"),
        SeparatorSheet(item="x" * 121),
        SeparatorSheet(order="../x"),
    ],
)
def test_what_a_sheet_cannot_say_is_refused(sheet: SeparatorSheet):
    with pytest.raises(ValueError):
        sheet.check()
    assert SeparatorSheet.read(sheet.payload()) is None
