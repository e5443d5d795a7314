"""Small documents that stand in for what the steps write about a page."""

from functools import cache
from io import BytesIO

from PIL import Image

MODS = b'<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>S</title></titleInfo></mods>'


@cache
def jpeg(ref: str, width: int = 50, height: int = 100) -> bytes:
    """An image with its page as comment."""
    target = BytesIO()
    Image.new("RGB", (width, height), (240, 220, 200)).save(target, "JPEG", comment=ref)
    return target.getvalue()


@cache
def tiff(ref: str) -> bytes:
    """An image of 100 x 200 pixels with its page as description."""
    target = BytesIO()
    Image.new("RGB", (100, 200), (240, 220, 200)).save(
        target, "TIFF", description=ref, compression="tiff_lzw"
    )
    return target.getvalue()


def alto(ref: str) -> bytes:
    """A valid ALTO that says its page."""
    return (
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>'
        f"<MeasurementUnit>pixel</MeasurementUnit></Description><Layout><Page ID='p{ref}'"
        ' PHYSICAL_IMG_NR="1"/></Layout></alto>'
    ).encode()


def mix(width_px: int, height_px: int) -> bytes:
    """A valid MIX 2.0 with the size of an image."""
    return (
        '<mix:mix xmlns:mix="http://www.loc.gov/mix/v20"><mix:BasicImageInformation>'
        "<mix:BasicImageCharacteristics>"
        f"<mix:imageWidth>{width_px}</mix:imageWidth><mix:imageHeight>{height_px}</mix:imageHeight>"
        "</mix:BasicImageCharacteristics></mix:BasicImageInformation></mix:mix>"
    ).encode()


def embedded_dc(title: str) -> bytes:
    """Dublin Core as it is drawn from a master."""
    return (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></oai_dc:dc>'
    ).encode()


def submitted_mets(*pages: tuple[str, str]) -> bytes:
    """A METS as libraries write them: files by URL, and a chapter for each page (name, label)."""
    files = "".join(
        f'<file ID="F{n}"><FLocat LOCTYPE="URL" xlink:href="https://images.example/{name}"/></file>'
        for n, (name, _) in enumerate(pages)
    )
    divs = "".join(
        f'<div ID="P{n}" TYPE="page" ORDER="{n + 1}"><fptr FILEID="F{n}"/></div>'
        for n in range(len(pages))
    )
    chapters = "".join(
        f'<div ID="L{n}" TYPE="chapter" LABEL="{label}"/>' for n, (_, label) in enumerate(pages)
    )
    links = "".join(f'<smLink xlink:from="L{n}" xlink:to="P{n}"/>' for n in range(len(pages)))
    return (
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<fileSec><fileGrp USE="DEFAULT">{files}</fileGrp></fileSec>'
        f'<structMap TYPE="LOGICAL"><div ID="L" TYPE="monograph" LABEL="Whole">{chapters}</div>'
        f'</structMap><structMap TYPE="PHYSICAL"><div ID="P">{divs}</div></structMap>'
        f"<structLink>{links}</structLink></mets>"
    ).encode()
