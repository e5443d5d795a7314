"""Writes MIX 2.0 of a master, from the decoded image and its embedded metadata."""

from fractions import Fraction

from lxml import etree

from processors.metadata_extraction.embedded import (
    DIGITIZED,
    MAKE,
    MODEL,
    SERIAL,
    SOFTWARE,
    Embedded,
    iso_date,
)
from processors.page_files import file_for
from processors.xml.writing import MIX, Maker, serialised
from schemas.models import PageAcquired

_mix = Maker(MIX, {"mix": MIX})
ORIENTATIONS = (
    "normal*",
    "normal, image flipped",
    "normal, rotated 180°",
    "normal, image flipped, rotated 180°",
    "normal, image flipped, rotated cw 90°",
    "normal, rotated ccw 90°",
    "normal, image flipped, rotated ccw 90°",
    "normal, rotated cw 90°",
)
"""By value of the orientation tag, 1 to 8 (MIX data dictionary 8.5)."""
COLOUR_SPACES = {
    "bitonal": "WhiteIsZero",
    "greyscale": "BlackIsZero",
    "rgb": "RGB",
    "cmyk": "CMYK",
}
PHOTOMETRIC = {
    "min-is-white": "WhiteIsZero",
    "min-is-black": "BlackIsZero",
    "rgb": "RGB",
    "palette": "PaletteColor",
    "separated": "CMYK",
    "ycbcr": "YCbCr",
    "cielab": "CIELab",
}
EXIF_VERSIONS = ("0220", "0221", "0230")
CAPTURE_DEVICES = {
    "1": "transmission scanner",
    "2": "reflection print scanner",
    "3": "digital still camera",
}
"""By value of FileSource in EXIF."""
EXTRA_SAMPLES = {
    "0": "unspecified data",
    "1": "associated alpha data (with pre-multiplied color)",
    "2": "unassociated alpha data",
}
"""By value of ExtraSamples in TIFF."""
FLOATING_POINT = "3"
NUMBER_LIMIT = 10**9
ACROSS = ("IFD0:XResolution", "JFIF:XResolution", "PNG-pHYs:PixelsPerUnitX")
DOWN = ("IFD0:YResolution", "JFIF:YResolution", "PNG-pHYs:PixelsPerUnitY")

Element = etree._Element


def mix(page: PageAcquired, embedded: Embedded) -> bytes:
    """A MIX document (https://www.loc.gov/standards/mix/, version 2.0) of a page's master."""
    return serialised(
        _mix(
            "mix",
            _object(page),
            _image(page, embedded),
            _capture(page, embedded),
            _assessment(page, embedded),
        )
    )


def _some(name: str, *children: Element | None) -> Element | None:
    """An element with these children; None without children."""
    kept = [child for child in children if child is not None]
    return _mix(name, *kept) if kept else None


def _text(name: str, value: object) -> Element | None:
    return None if value in (None, "") else _mix(name, str(value))


def _object(page: PageAcquired) -> Element | None:
    master = file_for("master", page.files)
    registry = _some(
        "FormatRegistry",
        _text("formatRegistryName", "PRONOM"),
        _text("formatRegistryKey", page.format_puid),
    )
    return _some(
        "BasicDigitalObjectInformation",
        _some(
            "ObjectIdentifier",
            _text("objectIdentifierType", "copystand"),
            _text("objectIdentifierValue", f"page:{page.head.page_id}"),
        ),
        _text("fileSize", master.size_bytes),
        _some(
            "FormatDesignation",
            _text("formatName", master.media_type),
            _text("formatVersion", page.format_version),
        ),
        registry if page.format_puid else None,
        _text("byteOrder", (page.byte_order or "").replace("-", " ")),
        _some("Compression", _text("compressionScheme", page.compression)),
        _some(
            "Fixity",
            _text("messageDigestAlgorithm", "SHA-256"),
            _text("messageDigest", master.sha256),
        ),
    )


def _image(page: PageAcquired, embedded: Embedded) -> Element | None:
    colour = PHOTOMETRIC.get(page.photometric or "") or COLOUR_SPACES.get(page.colour_space)
    profile = _some(
        "IccProfile",
        _text("iccProfileName", page.icc_profile),
        _text("iccProfileVersion", _profile_version(embedded) if page.icc_profile else None),
    )
    return _some(
        "BasicImageInformation",
        _some(
            "BasicImageCharacteristics",
            _text("imageWidth", page.width_px),
            _text("imageHeight", page.height_px),
            _some(
                "PhotometricInterpretation",
                _text("colorSpace", colour),
                _some("ColorProfile", profile),
            ),
        ),
    )


def _profile_version(embedded: Embedded) -> str | None:
    """The version from its two bytes (ICC.1:2022, 7.2.4)."""
    version = int(embedded.number("ICC-header:ProfileVersion") or 0)
    return f"{version >> 8}.{version >> 4 & 15}.{version & 15}" if 0 < version < 1 << 16 else None


def _capture(page: PageAcquired, embedded: Embedded) -> Element | None:
    upright = 1 <= page.orientation <= 8
    return _some(
        "ImageCaptureMetadata",
        _some(
            "GeneralCaptureInformation",
            _text("dateTimeCreated", iso_date(embedded.text(*DIGITIZED))),
            _text("captureDevice", CAPTURE_DEVICES.get(_source(embedded))),
        ),
        _camera(embedded) if _is_camera(embedded) else _scanner(embedded),
        _text("orientation", ORIENTATIONS[page.orientation - 1] if upright else "unknown"),
    )


def _is_camera(embedded: Embedded) -> bool:
    """Whether the device is a camera: by FileSource, else if exposure or aperture is stated."""
    if _source(embedded) in CAPTURE_DEVICES:
        return _source(embedded) == "3"
    return embedded.number("ExifIFD:ExposureTime", "ExifIFD:FNumber", "ExifIFD:ISO") is not None


def _source(embedded: Embedded) -> str:
    return embedded.text("ExifIFD:FileSource") or ""


def _scanner(embedded: Embedded) -> Element | None:
    """The scanner; None if only the software is stated, which may be any program."""
    if embedded.text(*MAKE, *MODEL, *SERIAL) is None:
        return None
    return _some(
        "ScannerCapture",
        _text("scannerManufacturer", embedded.text(*MAKE)),
        _some(
            "ScannerModel",
            _text("scannerModelName", embedded.text(*MODEL)),
            _text("scannerModelSerialNo", embedded.text(*SERIAL)),
        ),
        _some(
            "ScanningSystemSoftware",
            _text("scanningSoftwareName", embedded.text(*SOFTWARE)),
        ),
    )


def _camera(embedded: Embedded) -> Element | None:
    speed = embedded.number("ExifIFD:ISO")
    version = embedded.text("ExifIFD:ExifVersion")
    settings = _some(
        "ImageData",
        _text("fNumber", _plain(embedded.number("ExifIFD:FNumber"))),
        _text("exposureTime", _plain(embedded.number("ExifIFD:ExposureTime"))),
        _text("isoSpeedRatings", round(speed) if speed and 1 <= speed < NUMBER_LIMIT else None),
        _text("exifVersion", version if version in EXIF_VERSIONS else None),
        _text("focalLength", _plain(embedded.number("ExifIFD:FocalLength"))),
    )
    return _some(
        "DigitalCameraCapture",
        _text("digitalCameraManufacturer", embedded.text(*MAKE)),
        _some(
            "DigitalCameraModel",
            _text("digitalCameraModelName", embedded.text(*MODEL)),
            _text("digitalCameraModelSerialNo", embedded.text(*SERIAL)),
        ),
        _some("CameraCaptureSettings", settings),
    )


def _plain(value: float | None) -> str | None:
    """A value without exponent, as xsd:decimal requires; None if it is implausible."""
    if value is None or not 1e-6 <= value < NUMBER_LIMIT:
        return None
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _assessment(page: PageAcquired, embedded: Embedded) -> Element | None:
    x, y = _frequencies(page, embedded)
    known = x is not None and y is not None
    return _some(
        "ImageAssessmentMetadata",
        _some(
            "SpatialMetrics",
            _text("samplingFrequencyUnit", "in." if known else "no absolute unit of measurement"),
            _rational("xSamplingFrequency", x) if known else None,
            _rational("ySamplingFrequency", y) if known else None,
        ),
        _some(
            "ImageColorEncoding",
            _some(
                "BitsPerSample",
                *(
                    _text("bitsPerSampleValue", page.bits_per_sample)
                    for _ in range(page.samples_per_pixel)
                ),
                _text("bitsPerSampleUnit", _unit(embedded)),
            ),
            _text("samplesPerPixel", page.samples_per_pixel),
            *(_text("extraSamples", one) for one in _extra_samples(page, embedded)),
        ),
    )


def _unit(embedded: Embedded) -> str:
    kinds = (embedded.text("IFD0:SampleFormat") or "").split()
    return "floating point" if FLOATING_POINT in kinds else "integer"


def _extra_samples(page: PageAcquired, embedded: Embedded) -> list[str]:
    """The meaning of the extra samples; in PNG the extra sample is always alpha."""
    if embedded.text("File:FileType") == "PNG":
        return [EXTRA_SAMPLES["2"]] if page.samples_per_pixel in (2, 4) else []
    named = (embedded.text("IFD0:ExtraSamples") or "").split()[: page.samples_per_pixel]
    return [EXTRA_SAMPLES[one] for one in named if one in EXTRA_SAMPLES]


def _frequencies(page: PageAcquired, embedded: Embedded) -> tuple[float | None, float | None]:
    """Horizontal and vertical samples per inch."""
    if page.resolution_dpi is None:
        return None, None
    x, y = embedded.number(*ACROSS), embedded.number(*DOWN)
    if x and y and x != y:
        return page.resolution_dpi, page.resolution_dpi * y / x
    return page.resolution_dpi, page.resolution_dpi


def _rational(name: str, value: float | None) -> Element | None:
    if value is None:
        return None
    share = Fraction(value).limit_denominator(10_000)
    return _mix(
        name, _mix("numerator", str(share.numerator)), _mix("denominator", str(share.denominator))
    )
