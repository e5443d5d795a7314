"""A package says with which device and settings its masters were captured."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra import standards
from processors.captures import device_of
from processors.tools import Tools
from processors.xml.validate import validate
from schemas.models import Act, CaptureAccepted, CaptureSetting
from tests.support.builders import NOON
from tests.support.capture_facts import RESOLUTION, stated_capture
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    memory_tools,
    metadata_of,
    published,
)
from tests.support.package_facts import head_of, with_its_file

NS = {
    "mix": "http://www.loc.gov/mix/v20",
    "mets": "http://www.loc.gov/METS/",
    "p": "http://www.loc.gov/premis/v3",
}
PAGES = (a_page_entry(1), a_page_entry(2))
SETTINGS = (RESOLUTION, CaptureSetting(name="source", asked="flatbed", confirmed="Flatbed"))


def a_capture(run: str = "run-1", **changes: Any) -> CaptureAccepted:
    own = {
        "capture_id": f"capture of {run}",
        "settings": SETTINGS,
        "sha256": with_its_file(PAGES[0])["file"]["sha256"],
        "captured_at": NOON,
    }
    head = head_of(run, "captured", page_id="vol-1:0001")
    fact = CaptureAccepted(head=head, **stated_capture(**(own | changes)))
    device = device_of(fact)
    act = Act(type="creation", outcome="suc", detail="Captured.", agents=(device,) * bool(device))
    return fact.model_copy(update={"acts": (act,)})


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def mix_of(mets: etree._Element, page: str) -> etree._Element:
    (found,) = mets.xpath(f".//mets:techMD[@ID='TECH_{page}']//mix:mix", namespaces=NS)
    return found


def texts(element: etree._Element, *names: str) -> list[str | None]:
    return [element.findtext(f".//mix:{name}", None, NS) for name in names]


CAPTURED = (
    "dateTimeCreated",
    "imageProducer",
    "scannerManufacturer",
    "scannerModelName",
    "scannerModelSerialNo",
    "scanningSoftwareName",
    "scanningSoftwareVersionNo",
)


def test_mix_has_scanner_driver_operator_and_time_of_the_captured_page_only(tools: Tools):
    mets = metadata_of(a_completed_item(tools, PAGES, capture=a_capture()), tools, "mets")

    assert texts(mix_of(mets, "0001"), *CAPTURED) == [
        "2026-03-01T12:00:00.000000Z",
        "o-17",
        "Noname",
        "frontend-tester",
        "S-1",
        "SANE",
        "sane 1.1",
    ]
    plain = metadata_of(a_completed_item(tools, PAGES), tools, "mets")
    untouched = etree.tostring(mix_of(mets, "0002"))
    assert untouched == etree.tostring(mix_of(plain, "0002"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"driver": "watch"},
        {"settings": (CaptureSetting(name="source", asked="camera"),)},
        {"settings": (CaptureSetting(name="source", asked="feeder"),), "device_make": None},
        {"operator": None, "device_model": None, "device_serial": None, "driver_version": None},
    ],
    ids=["scanner", "folder", "camera", "feeder", "hardly anything"],
)
def test_the_documents_are_valid(tools: Tools, changes: dict[str, Any]):
    item = a_completed_item(tools, PAGES, capture=a_capture(**changes))

    for name in ("mets", "premis"):
        assert validate(metadata_of(item, tools, name), standards.fetch()) == []


def test_an_address_is_not_a_serial_number_in_mix(tools: Tools):
    capture = a_capture(device_serial="http://10.0.0.5/eSCL", driver="escl")

    mets = metadata_of(a_completed_item(tools, PAGES, capture=capture), tools, "mets")

    assert texts(mix_of(mets, "0001"), "scannerModelSerialNo") == [None]
    assert b"10.0.0.5" not in etree.tostring(mets)


def test_premis_has_the_device_as_agent_and_its_settings_as_properties_of_the_master(tools: Tools):
    item = a_completed_item(tools, PAGES, capture=a_capture())

    premis = metadata_of(item, tools, "premis")

    agent = premis.find("p:agent[p:agentName='Noname frontend-tester (S-1)']", NS)
    assert [agent.findtext(f"p:{one}", None, NS) for one in ("agentType", "agentVersion")] == [
        "hardware",
        "sane 1.1",
    ]
    assert agent.findtext("p:agentNote", None, NS) == "serial number or address: S-1"
    (master,) = premis.xpath(".//p:object[p:originalName='scan 0001.tif']", namespaces=NS)
    properties = {
        one.findtext("p:significantPropertiesType", None, NS): one.findtext(
            "p:significantPropertiesValue", None, NS
        )
        for one in master.findall("p:significantProperties", NS)
    }
    assert properties["capture: resolution_dpi"] == "asked 300, confirmed 300"
    assert properties["capture: source"] == "asked flatbed, confirmed Flatbed"
    application = ("creatingApplicationName", "dateCreatedByApplication")
    assert [master.findtext(f".//p:{one}", None, NS) for one in application] == [
        "SANE",
        "2026-03-01T12:00:00.000000Z",
    ]


def test_premis_of_layout_2_has_the_settings_as_properties_of_the_captured_master_alone(
    tools: Tools,
):
    item = a_completed_item(tools, PAGES, capture=a_capture(), layout=2)

    premis = metadata_of(item, tools, "premis")

    assert validate(premis, standards.fetch()) == []
    settings = {
        (one.findtext("p:originalName", None, NS), *(value.text for value in properties))
        for one in premis.findall("p:object", NS)
        for properties in one.findall("p:significantProperties", NS)
    }
    master = "data/master/vol-1_0001.tif"
    assert settings == {
        (master, "capture: resolution_dpi", "asked 300, confirmed 300"),
        (master, "capture: source", "asked flatbed, confirmed Flatbed"),
    }


def test_a_corrected_file_was_not_captured_by_the_device(tools: Tools):
    """The device captured the file that was replaced in quarantine."""
    item = a_completed_item(tools, PAGES, capture=a_capture(sha256="ee" * 32))

    mets = metadata_of(item, tools, "mets")

    assert texts(mix_of(mets, "0001"), "scannerModelName", "imageProducer") == [None, None]


def test_the_ids_of_a_capture_are_not_in_the_content_part(tools: Tools):
    one, other = (
        published(a_completed_item(tools, PAGES, run=run, capture=a_capture(run)), tools)
        for run in ("run-1", "run-22")
    )

    assert one.content_digest == other.content_digest
