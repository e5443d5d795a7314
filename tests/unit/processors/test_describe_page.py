"""Embedded metadata of a master, read with exiftool, as MIX, Dublin Core and fields of the fact."""

import json
from pathlib import Path

import pytest
import pyvips
from lxml import etree

from processors.metadata_extraction import exiftool
from processors.tools import Area
from tests.support.describe_builders import (
    NS,
    a_master,
    an_acquired_page,
    described,
    schema_errors,
    stored,
)
from tests.support.imaging_builders import memory_tools


def test_the_fact_names_the_device_and_the_time_of_capture(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-Make=Zeutschel", "-Model=OS 12000", "-Software=OmniScan 12",
        "-DateTimeOriginal=2026:02:03 04:05:06", "-EXIF:SerialNumber=Z-77",
    )  # fmt: skip

    fact, files = described(tools, an_acquired_page(tools, master))

    assert (fact.device_make, fact.device_model, fact.device_serial) == (
        "Zeutschel", "OS 12000", "Z-77",
    )  # fmt: skip
    assert (fact.capture_software, fact.captured_at) == ("OmniScan 12", "2026-02-03T04:05:06")
    mix = etree.fromstring(files["mix"])
    assert mix.findtext(".//mix:scannerManufacturer", namespaces=NS) == "Zeutschel"
    assert schema_errors(files["mix"]) == []
    assert [act.type for act in fact.acts] == ["metadata extraction"]
    assert fact.acts[0].agents[0].name == "exiftool"


def test_mix_has_the_properties_of_the_image(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(tools)

    _, files = described(tools, an_acquired_page(tools, master, orientation=6))

    mix = etree.fromstring(files["mix"])
    found = {
        name: mix.findtext(f".//mix:{name}", namespaces=NS)
        for name in (
            "imageWidth", "imageHeight", "messageDigest", "fileSize", "byteOrder", "orientation",
            "formatRegistryKey", "samplesPerPixel", "samplingFrequencyUnit", "colorSpace",
        )
    }  # fmt: skip
    assert found == {
        "imageWidth": "60", "imageHeight": "40", "messageDigest": master.sha256,
        "fileSize": str(master.size_bytes), "byteOrder": "little endian",
        "orientation": "normal, rotated ccw 90°", "formatRegistryKey": "fmt/353",
        "samplesPerPixel": "3", "samplingFrequencyUnit": "in.", "colorSpace": "RGB",
    }  # fmt: skip
    assert mix.findtext(".//mix:xSamplingFrequency/mix:numerator", namespaces=NS) == "300"
    assert len(mix.findall(".//mix:bitsPerSampleValue", namespaces=NS)) == 3


def test_mix_has_the_resolution_of_both_directions(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(tools, "-XResolution=204", "-YResolution=98")

    _, files = described(tools, an_acquired_page(tools, master, resolution_dpi=204.0))

    mix = etree.fromstring(files["mix"])
    across, down = (
        mix.findtext(f".//mix:{axis}SamplingFrequency/mix:numerator", namespaces=NS)
        for axis in "xy"
    )
    assert (across, down) == ("204", "98")
    assert schema_errors(files["mix"]) == []


def test_mix_describes_a_camera(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-Make=Phase One", "-ExposureTime=0.008", "-FNumber=8", "-ISO=50", "-FocalLength=72",
        suffix=".jpg",
    )  # fmt: skip

    _, files = described(tools, an_acquired_page(tools, master))

    mix = etree.fromstring(files["mix"])
    assert mix.findtext(".//mix:digitalCameraManufacturer", namespaces=NS) == "Phase One"
    assert mix.findtext(".//mix:isoSpeedRatings", namespaces=NS) == "50"
    assert schema_errors(files["mix"]) == []


def test_embedded_description_is_dublin_core_with_xmp_first(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-XMP-dc:Title=Über den Wassern", "-IPTC:ObjectName=other", "-IPTC:By-line=Müller",
        "-XMP-dc:Subject=psalter", "-XMP-dc:Subject=initials", "-Artist=nobody",
        "-Copyright=public domain", "-IPTC:DateCreated=2020:05:06",
    )  # fmt: skip

    _, files = described(tools, an_acquired_page(tools, master))

    dc = etree.fromstring(files["embedded-dc"])
    found = [(etree.QName(one).localname, one.text) for one in dc]
    assert found == [
        ("title", "Über den Wassern"), ("creator", "Müller"), ("subject", "psalter"),
        ("subject", "initials"), ("date", "2020-05-06"), ("rights", "public domain"),
    ]  # fmt: skip
    assert schema_errors(files["embedded-dc"]) == []


def test_a_master_without_description_gives_no_dublin_core(tmp_path: Path):
    tools = memory_tools(tmp_path)

    fact, files = described(tools, an_acquired_page(tools, a_master(tools)))

    assert set(files) == {"mix", "embedded"}
    assert fact.device_make is None


def test_the_stored_metadata_does_not_depend_on_the_run(tmp_path: Path):
    tools, other = memory_tools(tmp_path / "a"), memory_tools(tmp_path / "b")
    master = a_master(tools, "-XMP-dc:Title=same")
    copy = other.storage.keep(
        tools.storage.read(master), area=Area.MASTERS, use="master", media_type="image/tiff"
    )

    _, here = described(tools, an_acquired_page(tools, master))
    _, there = described(other, an_acquired_page(other, copy))

    assert here == there
    names = set(json.loads(here["embedded"]))
    assert not {name for name in names if name.startswith(("System:", "ExifTool:", "Source"))}


def test_hostile_metadata_is_truncated_and_valid(tmp_path: Path):
    tools = memory_tools(tmp_path)
    long = "x" * 30_000
    master = a_master(
        tools, "-XMP-dc:Title=a\u0001b<&]]>", f"-XMP-dc:Description={long}", "-Make=\tA\nB  C",
        "-DateTimeOriginal=9999:99:99 99:99:99", "-XMP-dc:Creator=-execute", "-ISO=0",
    )  # fmt: skip

    fact, files = described(tools, an_acquired_page(tools, master))

    assert fact.captured_at is None
    assert (fact.acts[1].outcome, fact.acts[1].code) == ("war", "page.metadata-damaged")
    assert "XMP-dc:Description" in fact.acts[1].detail
    assert [schema_errors(files[use]) for use in ("mix", "embedded-dc")] == [[], []]
    assert len(files["embedded"]) < 20_000


def test_a_title_that_looks_like_a_number_keeps_its_digits(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(tools, "-XMP-dc:Title=1.50", "-XMP-dc:Creator=007", "-IPTC:Keywords=1e3")

    _, files = described(tools, an_acquired_page(tools, master))

    assert [one.text for one in etree.fromstring(files["embedded-dc"])] == ["1.50", "007", "1e3"]


def test_embedded_text_may_contain_the_end_mark_of_exiftool(tmp_path: Path):
    tools = memory_tools(tmp_path)
    expected = "{ready1}\n{ready2}\n{ready3}"
    page = an_acquired_page(tools, a_master(tools, f"-IFD0:ImageDescription={expected}"))

    for _ in range(3):
        _, files = described(tools, page)

        assert json.loads(files["embedded"])["IFD0:ImageDescription"] == expected


def test_umlauts_in_every_encoding_are_read(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-XMP-dc:Title-de=Größe", "-XMP-dc:Title=Size", "-IPTC:Keywords=Ärger",
        "-IPTC:Keywords=Öl", "-IFD0:Artist=Jürgen", suffix=".jpg",
    )  # fmt: skip

    _, files = described(tools, an_acquired_page(tools, master))

    dc = [one.text for one in etree.fromstring(files["embedded-dc"])]
    assert dc == ["Size", "Größe", "Jürgen", "Ärger", "Öl"]


def test_mix_names_the_icc_profile_with_its_version(tmp_path: Path):
    tools = memory_tools(tmp_path)
    image = pyvips.Image.black(60, 40, bands=3).cast("uchar").copy(interpretation="srgb")
    image.icc_transform("p3", input_profile="srgb").write_to_file(str(tmp_path / "p3.tif"))
    master = stored(tools, tmp_path / "p3.tif")

    _, files = described(tools, an_acquired_page(tools, master, icc_profile="sP3C"))

    mix = etree.fromstring(files["mix"])
    assert mix.findtext(".//mix:iccProfileName", namespaces=NS) == "sP3C"
    assert mix.findtext(".//mix:iccProfileVersion", namespaces=NS) == "4.2.0"
    assert schema_errors(files["mix"]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"resolution_dpi": None, "photometric": None, "byte_order": None, "format_puid": None},
        {"orientation": 0},
        {"orientation": 9},
        {"colour_space": "something new", "photometric": "icclab", "compression": ""},
        {"format_version": "\x01", "icc_profile": "a\x00b", "resolution_dpi": 1e-9},
        {"resolution_dpi": 2.54 * 118.11, "samples_per_pixel": 1, "bits_per_sample": 1},
        *({"orientation": each} for each in range(1, 9)),
    ],
)
def test_mix_is_valid_for_extreme_values(tmp_path: Path, changes: dict[str, object]):
    tools = memory_tools(tmp_path)

    _, files = described(tools, an_acquired_page(tools, a_master(tools), **changes))

    assert schema_errors(files["mix"]) == []


@pytest.mark.parametrize(
    ("source", "device"), [(2, "scannerManufacturer"), (3, "digitalCameraManufacturer")]
)
def test_the_stated_source_overrides_the_exposure(tmp_path: Path, source: int, device: str):
    tools = memory_tools(tmp_path)
    exposure = ("-ExposureTime=0.01",) if source == 2 else ()
    master = a_master(tools, "-Make=Metis", f"-FileSource#={source}", *exposure, suffix=".jpg")

    _, files = described(tools, an_acquired_page(tools, master))

    mix = etree.fromstring(files["mix"])
    assert mix.findtext(f".//mix:{device}", namespaces=NS) == "Metis"
    assert schema_errors(files["mix"]) == []


def test_software_alone_does_not_name_a_scanner(tmp_path: Path):
    tools = memory_tools(tmp_path)

    fact, files = described(tools, an_acquired_page(tools, a_master(tools, "-Software=Gimp")))

    assert fact.capture_software == "Gimp"
    assert b"ScannerCapture" not in files["mix"]


def test_an_alpha_channel_is_an_extra_sample(tmp_path: Path):
    tools = memory_tools(tmp_path)
    image = pyvips.Image.black(60, 40, bands=4).cast("uchar").copy(interpretation="srgb")
    for suffix in (".png", ".tif"):
        image.write_to_file(str(tmp_path / f"alpha{suffix}"))
        master = stored(tools, tmp_path / f"alpha{suffix}")

        _, files = described(tools, an_acquired_page(tools, master, samples_per_pixel=4))

        mix = etree.fromstring(files["mix"])
        assert "alpha data" in (mix.findtext(".//mix:extraSamples", namespaces=NS) or ""), suffix
        assert schema_errors(files["mix"]) == []


def test_damaged_metadata_is_a_warning_and_intact_tags_are_stored(tmp_path: Path):
    tools = memory_tools(tmp_path)
    intact = tools.storage.read(a_master(tools, "-Make=Zeutschel", "-XMP-dc:Title=Psalter"))
    damaged = intact.replace(b"<x:xmpmeta", b"<<<<<<meta")

    fact, _ = described(tools, an_acquired_page(tools, stored(tools, damaged)))

    assert fact.device_make == "Zeutschel"
    warning = fact.acts[1]
    assert (warning.outcome, warning.code) == ("war", "page.metadata-damaged")
    assert "XMP format error" in warning.detail
    assert warning.agents[0].name == "exiftool"


def test_a_page_with_too_much_metadata_continues_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tools = memory_tools(tmp_path)
    monkeypatch.setattr(exiftool, "MAX_ANSWER_BYTES", 1_000)

    fact, files = described(tools, an_acquired_page(tools, a_master(tools, "-Make=Zeutschel")))

    assert fact.acts[1].code == "page.metadata-damaged"
    assert set(files) == {"mix", "embedded"}
    assert schema_errors(files["mix"]) == []
