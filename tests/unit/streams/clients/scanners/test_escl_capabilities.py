"""What network scanners state of themselves, in the forms that the standard and devices have."""

import pytest

from processors.profile import Profile, canonical, resolve
from streams.clients.scanners.agreement import agree
from streams.clients.scanners.capabilities import Choice, ColourMode, Source, Steps
from streams.clients.scanners.capture_settings import Wishes
from streams.clients.scanners.escl_capabilities import EsclCapabilities, read_capabilities
from streams.clients.scanners.scanner_driver import ScannerProblem

ADDRESS = "http://scanner/eSCL"
SCAN = "http://schemas.hp.com/imaging/escl/2011/05/03"
PWG = "http://www.pwg.org/schemas/2010/12/sm"
SIZES = "<s:MaxWidth>2550</s:MaxWidth><s:MaxHeight>3508</s:MaxHeight>"


def discrete(*pairs: int | tuple[int, int]) -> str:
    both = [one if isinstance(one, tuple) else (one, one) for one in pairs]
    rows = "".join(
        f"<s:DiscreteResolution><s:XResolution> {x} </s:XResolution>"
        f"<s:YResolution>{y}</s:YResolution></s:DiscreteResolution>"
        for x, y in both
    )
    return f"<s:SupportedResolutions><s:DiscreteResolutions>{rows}</s:DiscreteResolutions></s:SupportedResolutions>"


def ranged(x: tuple[int, int, int], y: tuple[int, int, int] | None = None) -> str:
    rows = "".join(
        f"<s:{name}ResolutionRange><s:Min>{low}</s:Min><s:Max>{high}</s:Max><s:Normal>300</s:Normal>"
        f"<s:Step>{step}</s:Step></s:{name}ResolutionRange>"
        for name, (low, high, step) in (("X", x), *((("Y", y),) if y else ()))
    )
    return f"<s:SupportedResolutions><s:ResolutionRange>{rows}</s:ResolutionRange></s:SupportedResolutions>"


def modes(*names: str) -> str:
    return f"<s:ColorModes>{''.join(f'<s:ColorMode>{one}</s:ColorMode>' for one in names)}</s:ColorModes>"


def formats(*names: str, element: str = "p:DocumentFormat") -> str:
    rows = "".join(f"<{element}>{one}</{element}>" for one in names)
    return f"<s:DocumentFormats>{rows}</s:DocumentFormats>"


def profile(*parts: str, name: str = "", ref: str = "") -> str:
    attributes = f' name="{name}"' * bool(name) + f' ref="{ref}"' * bool(ref)
    return f"<s:SettingProfile{attributes}>{''.join(parts)}</s:SettingProfile>"


USUAL = profile(modes("Grayscale8", "RGB24"), formats("image/jpeg"), discrete(100, 300))


def platen(*parts: str) -> str:
    inside = "".join(parts)
    return f"<s:Platen><s:PlatenInputCaps>{SIZES}{inside}</s:PlatenInputCaps></s:Platen>"


def document(*parts: str, head: str = "<p:Version>2.97</p:Version>") -> bytes:
    return (
        f'<s:ScannerCapabilities xmlns:s="{SCAN}" xmlns:p="{PWG}">'
        f"{head}<p:MakeAndModel>Acme 9</p:MakeAndModel>{''.join(parts)}</s:ScannerCapabilities>"
    ).encode()


def read(*parts: str) -> EsclCapabilities:
    return read_capabilities(document(*parts), ADDRESS)


def test_the_version_of_a_certificate_is_not_that_of_the_protocol():
    certificate = "<s:Certifications><s:Certification><s:Version>1.0</s:Version></s:Certification></s:Certifications>"

    stated = read_capabilities(document(platen(USUAL), head=certificate), ADDRESS)

    assert stated.version == "2.6"
    assert read(certificate, platen(USUAL)).version == "2.97"


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace("s:", "").replace("xmlns:s=", "xmlns=").replace("xmlns", "xmlns"),
        lambda text: text.replace("s:", "escl:").replace("xmlnescl:", "xmlns:"),
        lambda text: text.replace(f' xmlns:s="{SCAN}" xmlns:p="{PWG}"', ""),
        lambda text: '<?xml version="1.0" encoding="UTF-8"?>\r\n' + text + "\r\n",
        lambda text: "\ufeff" + text,
        lambda text: text.replace("><", ">\n\t<!-- a comment -->\n<"),
    ],
    ids=["default namespace", "another prefix", "undeclared", "declaration", "mark", "comments"],
)
def test_namespaces_prefixes_and_white_space_do_not_matter(written):
    text = document(platen(USUAL)).decode()

    found = read_capabilities(written(text).encode(), ADDRESS).capabilities

    assert found == read(platen(USUAL)).capabilities


def test_a_document_in_utf_16_is_read():
    text = '<?xml version="1.0" encoding="UTF-16"?>' + document(platen(USUAL)).decode()

    found = read_capabilities(text.encode("utf-16") + "\n".encode("utf-16")[2:], ADDRESS)

    assert found.capabilities == read(platen(USUAL)).capabilities


@pytest.mark.parametrize(
    ("resolutions", "expected"),
    [
        (discrete(100, 300, 600), Choice((100.0, 300.0, 600.0))),
        (discrete(600, 100), Choice((100.0, 600.0))),
        (discrete(300, (600, 300)), Choice((300.0,))),
        (ranged((50, 1200, 50)), Steps(50, 1200, 50)),
        (ranged((75, 1200, 1), (75, 600, 1)), Steps(75, 600, 1)),
        (ranged((75, 1200, 0)), Steps(75, 1200, 0)),
        ("", Choice((300.0,))),
        ("<s:SupportedResolutions/>", Choice((300.0,))),
        (discrete(200, 300) + ranged((75, 600, 1)), Choice((200.0, 300.0))),
    ],
    ids=[
        "list",
        "unsorted",
        "not square",
        "range",
        "two ranges",
        "no step",
        "none",
        "empty",
        "both",
    ],
)
def test_reads_lists_and_ranges_of_resolutions(resolutions: str, expected: Choice | Steps):
    text = platen(profile(modes("RGB24"), formats("image/jpeg"), resolutions))

    assert read(text).capabilities.sources[0].resolutions_dpi == expected


def test_the_optical_resolution_is_used_where_no_list_is():
    text = platen(profile(modes("RGB24")), "<s:MaxOpticalXResolution>600</s:MaxOpticalXResolution>")

    found = read(text).capabilities.sources[0].resolutions_dpi

    assert found == Choice((75.0, 150.0, 200.0, 300.0, 600.0))


def test_settings_of_one_profile_are_not_mixed_with_those_of_another():
    text = platen(
        profile(modes("BlackAndWhite1"), formats("image/tiff"), discrete(600, 1200)),
        profile(modes("RGB24"), formats("image/jpeg"), discrete(100, 300)),
        profile(modes("Grayscale8"), formats("image/jpeg"), discrete(100, 300)),
    )

    found = read(text).capabilities.sources

    assert [(one.modes, one.resolutions_dpi, one.formats) for one in found] == [
        (((ColourMode.BITONAL, 1),), Choice((600.0, 1200.0)), ("tiff",)),
        (((ColourMode.RGB, 8), (ColourMode.GREYSCALE, 8)), Choice((100.0, 300.0)), ("jpeg",)),
    ]
    any_page = Profile.from_json(canonical(resolve("as-delivered")))
    for mode, dpi in ((ColourMode.RGB, 300), (ColourMode.BITONAL, 600)):
        settings = agree(any_page, read(text).capabilities, Wishes(mode=mode)).settings
        assert settings is not None and settings.resolution_dpi == dpi


def test_a_source_refers_to_a_profile_of_the_device():
    shared = profile(modes("RGB24"), formats("image/png"), discrete(400), name="p1")
    text = f"<s:SettingProfiles>{shared}</s:SettingProfiles>" + platen(profile(ref="p1"))

    (found,) = read(text).capabilities.sources

    assert (found.resolutions_dpi, found.formats) == (Choice((400.0,)), ("png",))


def test_settings_without_a_profile_belong_to_their_source():
    feeder = f"<s:Adf><s:AdfSimplexInputCaps>{SIZES}{modes('Grayscale8')}{discrete(200)}</s:AdfSimplexInputCaps></s:Adf>"

    glass, sheets = read(platen(modes("RGB24"), discrete(600)), feeder).capabilities.sources

    assert (glass.modes, glass.resolutions_dpi) == (((ColourMode.RGB, 8),), Choice((600.0,)))
    assert (sheets.modes, sheets.resolutions_dpi) == (
        ((ColourMode.GREYSCALE, 8),),
        Choice((200.0,)),
    )


@pytest.mark.parametrize(
    ("feeder", "sources"),
    [
        ("<s:AdfSimplexInputCaps/>", [Source.FEEDER]),
        ("<s:AdfSimplexInputCaps/><s:AdfDuplexInputCaps/>", [Source.FEEDER, Source.FEEDER_DUPLEX]),
        (
            "<s:AdfSimplexInputCaps/><s:AdfOptions><s:AdfOption>Duplex</s:AdfOption></s:AdfOptions>",
            [Source.FEEDER, Source.FEEDER_DUPLEX],
        ),
        ("<s:AdfSimplexInputCaps/><s:AdfDuplexer/>", [Source.FEEDER, Source.FEEDER_DUPLEX]),
        (
            "<s:AdfSimplexInputCaps/><s:AdfOptions><s:AdfOption>DetectPaperLoaded</s:AdfOption></s:AdfOptions>",
            [Source.FEEDER],
        ),
        ("", [Source.FEEDER]),
    ],
    ids=["simplex", "duplex", "option", "older element", "another option", "empty"],
)
def test_a_feeder_scans_both_sides_in_the_forms_that_devices_state(
    feeder: str, sources: list[Source]
):
    found = read(f"<s:Adf>{feeder}</s:Adf>").capabilities.sources

    assert [one.source for one in found] == sources


def test_formats_that_cannot_be_masters_are_offered_as_they_are():
    text = platen(
        profile(modes("RGB24"), formats("application/pdf", "image/jpeg; q=1"), discrete(300)),
    )

    (found,) = read(text).capabilities.sources

    assert found.formats == ("pdf", "jpeg")
    only_pdf = platen(profile(modes("RGB24"), formats("application/pdf"), discrete(300)))
    any_page = Profile.from_json(canonical(resolve("as-delivered")))
    agreement = agree(any_page, read(only_pdf).capabilities, Wishes())
    assert agreement.settings is None and "offers pdf" in agreement.text


@pytest.mark.parametrize(
    ("elements", "knows"),
    [
        (formats("image/jpeg"), False),
        (formats("image/jpeg", element="s:DocumentFormatExt"), True),
        ("", True),
    ],
    ids=["old", "new", "none"],
)
def test_the_newer_element_of_formats_is_sent_to_devices_that_know_it(elements: str, knows: bool):
    assert read(platen(profile(modes("RGB24"), elements))).knows_extension is knows


def test_intents_are_those_that_the_device_supports():
    intents = "<s:SupportedIntents><s:Intent>Preview</s:Intent><s:Intent>TextAndGraphic</s:Intent></s:SupportedIntents>"

    assert read(platen(USUAL, intents)).intents == ("Preview", "TextAndGraphic")


def test_colours_that_no_page_can_have_are_left_out():
    text = platen(profile(modes("Infrared8")), profile(modes("RGB24", "NULL"), discrete(300)))

    (found,) = read(text).capabilities.sources

    assert found.modes == ((ColourMode.RGB, 8),)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html/>", b"<!DOCTYPE html><html></html>", document(), b"{}", b"\xff\xfe\x00"],
    ids=["empty", "html", "doctype", "no source", "json", "bytes"],
)
def test_what_is_no_such_document_is_refused(content: bytes):
    with pytest.raises(ScannerProblem) as problem:
        read_capabilities(content, ADDRESS)

    assert problem.value.code == "scanner.answer-invalid"
