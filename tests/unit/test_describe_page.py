"""What a master says of itself, read by the real exiftool: MIX, Dublin Core, facts of the device."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
import pyvips
from lxml import etree

from infra.standards import present, standards_folder
from processors import describe_page as step
from processors.describe_page import describe_page
from processors.description.exiftool import Exiftool
from processors.outcome import Done, ToolCrashed, ToolHung
from processors.tools import Area, Tools
from processors.xml.validate import validate
from schemas.models import FileRef, PageAcquired, PageDescribed
from tests.corpora import corpus
from tests.unit.imaging_builders import HEAD, memory_tools, profile_ref

NS = {"mix": "http://www.loc.gov/mix/v20", "dc": "http://purl.org/dc/elements/1.1/"}


def a_master(tools: Tools, *tags: str, suffix: str = ".tif") -> FileRef:
    """A small image with these tags, written by exiftool, in the store."""
    path = tools.scratch / f"master{suffix}"
    image = pyvips.Image.black(60, 40, bands=3).copy(xres=300 / 25.4, yres=300 / 25.4)
    image.cast("uchar").copy(interpretation="srgb").write_to_file(str(path))
    if tags:
        command = ["exiftool", "-q", "-m", "-overwrite_original", "-codedcharacterset=utf8"]
        subprocess.run([*command, *tags, str(path)], check=True)
    kept = tools.storage.keep(path, area=Area.MASTERS, use="master", media_type="image/tiff")
    path.unlink()
    return kept


def an_acquired_page(tools: Tools, master: FileRef, **changes: object) -> PageAcquired:
    fields: dict[str, object] = {
        "head": HEAD, "ref": "0001", "sequence": 1, "kind": "page", "layout": "single",
        "original_name": "0001.tif", "format_name": "TIFF", "format_puid": "fmt/353",
        "width_px": 60, "height_px": 40, "bits_per_sample": 8, "samples_per_pixel": 3,
        "colour_space": "rgb", "photometric": "rgb", "byte_order": "little-endian",
        "compression": "none", "resolution_dpi": 300.0, "files": (master, profile_ref(tools)),
    }  # fmt: skip
    return PageAcquired(**{**fields, **changes})  # type: ignore[arg-type]


def described(tools: Tools, page: PageAcquired) -> tuple[PageDescribed, dict[str, bytes]]:
    outcome = describe_page(page, tools)
    assert isinstance(outcome, Done), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, PageDescribed)
    return fact, {file.use: tools.storage.read(file) for file in fact.files}


def faults(document: bytes) -> list[str]:
    if not present():
        pytest.fail("the XSD files are missing; run: make standards")
    return validate(etree.fromstring(document), standards_folder())


def test_the_device_and_the_moment_of_capture_are_told(tmp_path: Path):
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
    assert faults(files["mix"]) == []
    assert [act.type for act in fact.acts] == ["metadata extraction"]
    assert fact.acts[0].agents[0].name == "exiftool"


def test_mix_says_what_was_measured(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(tools)

    _, files = described(tools, an_acquired_page(tools, master, orientation=6))

    mix = etree.fromstring(files["mix"])
    told = {
        name: mix.findtext(f".//mix:{name}", namespaces=NS)
        for name in (
            "imageWidth", "imageHeight", "messageDigest", "fileSize", "byteOrder", "orientation",
            "formatRegistryKey", "samplesPerPixel", "samplingFrequencyUnit", "colorSpace",
        )
    }  # fmt: skip
    assert told == {
        "imageWidth": "60", "imageHeight": "40", "messageDigest": master.sha256,
        "fileSize": str(master.size_bytes), "byteOrder": "little endian",
        "orientation": "normal, rotated ccw 90°", "formatRegistryKey": "fmt/353",
        "samplesPerPixel": "3", "samplingFrequencyUnit": "in.", "colorSpace": "RGB",
    }  # fmt: skip
    assert mix.findtext(".//mix:xSamplingFrequency/mix:numerator", namespaces=NS) == "300"
    assert len(mix.findall(".//mix:bitsPerSampleValue", namespaces=NS)) == 3


def test_a_camera_is_described_as_one(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-Make=Phase One", "-ExposureTime=0.008", "-FNumber=8", "-ISO=50", "-FocalLength=72",
        suffix=".jpg",
    )  # fmt: skip

    _, files = described(tools, an_acquired_page(tools, master))

    mix = etree.fromstring(files["mix"])
    assert mix.findtext(".//mix:digitalCameraManufacturer", namespaces=NS) == "Phase One"
    assert mix.findtext(".//mix:isoSpeedRatings", namespaces=NS) == "50"
    assert faults(files["mix"]) == []


def test_embedded_description_is_dublin_core_with_xmp_first(tmp_path: Path):
    tools = memory_tools(tmp_path)
    master = a_master(
        tools, "-XMP-dc:Title=Über den Wassern", "-IPTC:ObjectName=other", "-IPTC:By-line=Müller",
        "-XMP-dc:Subject=psalter", "-XMP-dc:Subject=initials", "-Artist=nobody",
        "-Copyright=public domain", "-IPTC:DateCreated=2020:05:06",
    )  # fmt: skip

    _, files = described(tools, an_acquired_page(tools, master))

    dc = etree.fromstring(files["embedded-dc"])
    told = [(etree.QName(one).localname, one.text) for one in dc]
    assert told == [
        ("title", "Über den Wassern"), ("creator", "Müller"), ("subject", "psalter"),
        ("subject", "initials"), ("date", "2020-05-06"), ("rights", "public domain"),
    ]  # fmt: skip
    assert faults(files["embedded-dc"]) == []


def test_a_master_without_description_gives_no_dublin_core(tmp_path: Path):
    tools = memory_tools(tmp_path)

    fact, files = described(tools, an_acquired_page(tools, a_master(tools)))

    assert set(files) == {"mix", "embedded"}
    assert fact.device_make is None


def test_nothing_of_the_run_stands_in_what_is_kept(tmp_path: Path):
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


def test_hostile_metadata_is_kept_within_bounds_and_stays_valid(tmp_path: Path):
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
    assert [faults(files[use]) for use in ("mix", "embedded-dc")] == [[], []]
    assert len(files["embedded"]) < 20_000


def test_an_exiftool_that_was_killed_is_started_again(tmp_path: Path):
    tools = memory_tools(tmp_path)
    page = an_acquired_page(tools, a_master(tools))
    described(tools, page)
    process = step._exiftool()._process
    assert process is not None

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    fact, _ = described(tools, page)

    assert fact.files


def test_an_exiftool_that_hangs_is_ended_with_its_process(tmp_path: Path):
    fake = tmp_path / "exiftool"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    hanging = Exiftool(fake, answer_seconds=0.3)
    began = time.monotonic()

    with pytest.raises(ToolHung):
        hanging.read(tmp_path)

    assert time.monotonic() - began < 5
    assert hanging._process is None


def test_an_exiftool_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ToolCrashed, match="does not start"):
        Exiftool(tmp_path / "none").read(tmp_path)


def test_mix_of_real_masters_is_valid(tmp_path: Path):
    tools = memory_tools(tmp_path)
    folder = corpus("kant-1784")
    for path in sorted(folder.rglob("*.tif"))[:3]:
        master = tools.storage.keep(path, area=Area.MASTERS, use="master", media_type="image/tiff")

        _, files = described(tools, an_acquired_page(tools, master, compression="jpeg"))

        assert faults(files["mix"]) == [], path
