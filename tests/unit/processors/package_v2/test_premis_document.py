"""PREMIS of layout 2: three books, each with the objects, events and rights that it must have."""

import hashlib
import re
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra import standards
from processors.captures import device_of, driver_of
from processors.pipeline import STEPS
from processors.premis import events_of
from processors.tools import Tools
from processors.xml.parser import parse
from schemas import ids
from schemas.models import (
    Act,
    Agent,
    BatchReceived,
    CaptureAccepted,
    ControlDecided,
    Origin,
    PageEnriched,
    Record,
    WorkDeferred,
    WorkQuarantined,
)
from tests.support import premis_judge
from tests.support.builders import NOON
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    facts_of,
    files_of,
    memory_tools,
    published,
)
from tests.support.package_documents import MODS
from tests.support.package_facts import head_of
from tests.support.premis_judge import KIND, NS, first, names

TEST, WORKER = "software:copystand/test@1", "software:worker-4e65d3fb"
METS = "vol-1.v1/data/metadata/mets.xml"
MASTERS = ["vol-1.v1/data/master/vol-1_0001.tif", "vol-1.v1/data/master/vol-1_0002.tif"]
TWO_PAGES = (a_page_entry(1, kind="cover"), a_page_entry(2))
NO_RIGHTS = {"rights": None}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def premis_of(tools: Tools, **item: Any) -> etree._Element:
    """The PREMIS of a package of layout 2, without a fault that the judge knows."""
    files = files_of(published(a_completed_item(tools, layout=2, **item), tools), tools)
    premis = parse(files["data/metadata/premis.xml"])
    schema = etree.XMLSchema(etree.parse(standards.fetch() / "premis-3-0.xsd"))
    assert list(premis_judge.unresolved(premis)) == []
    assert list(premis_judge.unworldly(premis, "vol-1", "vol-1.v1")) == []
    assert list(premis_judge.not_imported(premis, files, schema)) == []
    return premis


def events(premis: etree._Element) -> list[tuple[Any, ...]]:
    """Type, outcome, detail, agents and linked files of each event, and how many of the log it is."""
    found = []
    for one in premis.iterfind("p:event", NS):
        detail = one.findtext(".//p:eventDetail", "", NS)
        number = re.match(r"([0-9]+) events of the audit log", detail)
        found.append(
            (
                one.findtext("p:eventType", "", NS),
                int(number.group(1)) if number else 1,
                one.findtext(".//p:eventOutcomeDetailNote", None, NS)
                or one.findtext(".//p:eventOutcome", None, NS),
                detail.rpartition("The detail of the first: ")[2],
                [value for _, value in names(one, "linkingAgentIdentifier")],
                [value for _, value in names(one, "linkingObjectIdentifier")],
            )
        )
    return found


def line_with(tools: Tools, text: str, **item: Any) -> str:
    """The line of the document that has a text."""
    files = files_of(published(a_completed_item(tools, layout=2, **item), tools), tools)
    (found,) = [
        line for line in files["data/metadata/premis.xml"].decode().splitlines() if text in line
    ]
    return found


def test_a_plain_book_has_the_events_of_all_its_pages(tools: Tools) -> None:
    premis = premis_of(tools, pages=TWO_PAGES, **NO_RIGHTS)

    captured = "Capture 1 of the item received."
    libvips, tesseract = "software:libvips@5", "software:tesseract@5"
    packaged = (
        "Package vol-1.v1 made of 17 content files and 3 metadata files. Events of pages that are "
        "alike are one event here; the audit log has each: copystand audit item vol-1 --premis FILE"
    )
    assert events(premis) == [
        ("capture", 1, "success", captured, [TEST, WORKER, "person:p-4"], [METS]),
        (
            *("validation", 1, "success"),
            "Pre-flight passed. Items: 1, pages: 2, profile: as-delivered, findings: 0. "
            "Outside the package: batch:b-1.",
            *([TEST, WORKER, "person:o-17"], [METS]),
        ),
        ("registration", 1, "success", "Item registered. Pages: 2.", [TEST, WORKER], [METS]),
        (
            *("admission", 2, "success", "Page 0001 (cover) admitted with priority normal."),
            *([TEST, WORKER], [METS]),
        ),
        (
            *("ingestion", 2, "success"),
            "Master validated and stored: Tagged Image File Format, 100 x 200 pixels.",
            *([TEST, WORKER], [METS]),
        ),
        (
            *("validation", 2, "page.icc-missing", "No ICC profile; a \ufffd in the tag"),
            # It is about all masters.
            *([TEST, WORKER, "software:libvips@8.18"], [METS]),
        ),
        ("creation", 2, "success", "Access images created.", [TEST, WORKER], [METS]),
        ("creation", 2, "success", "Made by libvips", [TEST, WORKER, libvips], [METS]),
        (
            *("metadata extraction", 2, "success", "Metadata extracted from the master."),
            *([TEST, WORKER], [METS]),
        ),
        (
            *("transcription", 2, "success", "Text recognised. Words: 1, characters: 5."),
            *([TEST, WORKER], [METS]),
        ),
        ("creation", 2, "success", "Made by tesseract", [TEST, WORKER, tesseract], [METS]),
        (
            *("completion", 1, "success"),
            ANY_DETAIL,
            *([TEST, WORKER], [METS]),
        ),
        (
            *("information package creation", 1, "success", packaged),
            *([f"software:copystand/assemble_package@{VERSION}"], [METS]),
        ),
    ]


class _Anything:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __hash__(self) -> int:
        return 0


ANY_DETAIL = _Anything()
"""A detail with digests of the run."""
(PACKAGER,) = (step for step in STEPS if step.name == "assemble_package")
VERSION = f"{version('copystand')}+step.{PACKAGER.version}"


def test_each_file_names_its_digest_and_the_event_that_made_it(tools: Tools) -> None:
    premis = premis_of(tools, pages=TWO_PAGES, records=(("MODS", "vol-1/my.xml", MODS),))
    by_id = {first(one, "eventIdentifier"): one for one in premis.iterfind("p:event", NS)}

    found = {
        first(one, "objectIdentifier")[1].removeprefix("vol-1.v1/data/"): (
            one.findtext(".//p:formatName", None, NS),
            one.findtext(".//p:formatRegistryKey", None, NS),
            one.findtext(".//p:creatingApplicationName", None, NS),
            one.findtext("p:originalName", None, NS),
            [
                by_id[event].findtext("p:eventType", "", NS)
                for event in names(one, "linkingEventIdentifier")
            ],
        )
        for one in premis.iterfind("p:object", NS)
        if one.get(KIND) == "premis:file" and "0001" not in first(one, "objectIdentifier")[1]
    }

    tiff, jpeg = "Tagged Image File Format", "JPEG File Interchange Format"
    delivered = "data/metadata/submitted/my.xml"
    xml, ours = "Extensible Markup Language", "copystand/assemble_package"
    packaging = "information package creation"
    assert found == {
        "master/vol-1_0002.tif": (
            *(tiff, "fmt/353", "ScanGear 4", "data/master/vol-1_0002.tif", ["ingestion"]),
        ),
        "access/vol-1_0002.tif": (tiff, None, "libvips", None, ["creation"]),
        "access/vol-1_0002.jpg": (jpeg, None, "libvips", None, ["creation"]),
        "access/vol-1_0002.thumbnail.jpg": (jpeg, None, "libvips", None, ["creation"]),
        "text/vol-1_0002.xml": ("ALTO", None, ours, None, [packaging]),
        "text/vol-1_0002.hocr": ("hOCR, XHTML", None, "tesseract", None, ["creation"]),
        "text/vol-1_0002.txt": ("Plain Text File", None, "tesseract", None, ["creation"]),
        "text/vol-1_0002.tsv": ("Tab-separated Values", None, "tesseract", None, ["creation"]),
        "download/vol-1.pdf": (
            *("Acrobat PDF 1.7 - Portable Document Format", "fmt/276", ours),
            *("data/download/vol-1.pdf", [packaging]),
        ),
        "metadata/mods.xml": (xml, "fmt/101", None, "data/metadata/mods.xml", ["registration"]),
        "metadata/submitted/my.xml": (xml, "fmt/101", None, delivered, ["registration"]),
        "metadata/dc.xml": (
            *(xml, "fmt/101", ours, "data/metadata/dc.xml", ["information package creation"]),
        ),
        "metadata/mets.xml": (
            *(xml, "fmt/101", ours, "data/metadata/mets.xml", ["information package creation"]),
        ),
    }


def test_a_derivative_is_one_short_line(tools: Tools) -> None:
    found = line_with(tools, "vol-1.v1/data/text/vol-1_0001.txt", pages=TWO_PAGES)

    digest = hashlib.sha256(b"text 0001").hexdigest()
    made = line_with(tools, "Made by tesseract", pages=TWO_PAGES)
    (event,) = re.findall(r"<eventIdentifierValue>([^<]+)<", made)
    assert found == (
        '<object xsi:type="premis:file">'
        "<objectIdentifier><objectIdentifierType>copystand</objectIdentifierType>"
        "<objectIdentifierValue>vol-1.v1/data/text/vol-1_0001.txt</objectIdentifierValue>"
        "</objectIdentifier><objectIdentifier>"
        "<objectIdentifierType>SHA-256</objectIdentifierType>"
        f"<objectIdentifierValue>{digest}</objectIdentifierValue></objectIdentifier>"
        "<objectCharacteristics><format><formatDesignation>"
        "<formatName>Plain Text File</formatName></formatDesignation></format>"
        "<creatingApplication><creatingApplicationName>tesseract</creatingApplicationName>"
        "<creatingApplicationVersion>5</creatingApplicationVersion></creatingApplication>"
        "</objectCharacteristics><linkingEventIdentifier>"
        "<linkingEventIdentifierType>UUID</linkingEventIdentifierType>"
        f"<linkingEventIdentifierValue>{event}</linkingEventIdentifierValue>"
        "</linkingEventIdentifier></object>"
    )


def test_events_that_are_one_have_the_digest_of_their_ids_in_the_log(tools: Tools) -> None:
    item = a_completed_item(tools, pages=TWO_PAGES, layout=2)
    owed = [event for fact in facts_of(item, tools) for event in events_of(fact)]
    made = sorted(one.head.event_id for one in owed if one.detail == "Made by libvips")

    found = line_with(tools, "Made by libvips", pages=TWO_PAGES)

    digest = hashlib.sha256("\n".join(made).encode()).hexdigest()
    assert len(made) == 2
    assert f"one a line: {digest}. " in found


def _after(name: str, second: int, **changes: Any) -> Any:
    return head_of("run-1", name, **changes).model_copy(
        update={"occurred_at": NOON + timedelta(seconds=second)}
    )


def _origin() -> Origin:
    return Origin(topic="t", partition=0, offset=0, key=None, event_id="")


def _quarantined(name: str, second: int, step: str, found: str, **head: Any) -> WorkQuarantined:
    return WorkQuarantined(
        head=_after(name, second, **head),
        step=step,
        lane="masters",
        work_id=ids.make_id(name),
        required=True,
        code="page.damaged" if head.get("page_id", "") else "batch.page-missing",
        where="here",
        found=found,
        fix="Send it again.",
        attempts=1,
        origin=_origin(),
    )


def _decided(name: str, second: int, action: str, subject: str, **head: Any) -> ControlDecided:
    return ControlDecided(
        head=_after(name, second, **head),
        action=action,
        subjects=(subject,),
        by="p-9",
        reason="text:hmac-sha256:00",
        granted=True,
    )


def a_troubled_history() -> tuple[Record, ...]:
    """A submission that pre-flight refused, its correction, an attempt that failed, a page in
    quarantine, its release, and a batch that was paused."""
    batch = {"item_id": None, "page_id": None}
    page = {"page_id": "vol-1:0002"}
    received = [
        BatchReceived(
            head=_after(name, second, **batch), manifest_sha256=digest * 32, operator="o-17"
        )
        for name, second, digest in (("first", 1, "ab"), ("second", 3, "cd"))
    ]
    deferred = WorkDeferred(
        head=_after("deferred", 6, **page),
        step="acquire_page",
        lane="masters",
        work_id=ids.make_id("work"),
        attempt=1,
        error_class="storage",
        why="The store did not answer",
        origin=_origin(),
        value=b"",
    )
    return (
        received[0],
        _quarantined("refused", 2, "validate_batch", "page 2 is missing", **batch),
        received[1],
        _decided("paused", 4, "pause", "batch:b-1", **batch),
        deferred,
        _quarantined("damaged", 7, "acquire_page", "a damaged strip", **page),
        _decided("released", 8, "release", "quarantine:x", **page),
    )


def test_a_book_with_quarantine_and_release_has_its_whole_history(tools: Tools) -> None:
    premis = premis_of(tools, pages=TWO_PAGES, history=a_troubled_history(), **NO_RIGHTS)

    everything = events(premis)
    by_type = ("submission receipt", "quarantine", "decision", "deferral")
    outside = "Outside the package: batch:b-1."
    assert [one for one in everything if one[0] in by_type] == [
        (
            *("submission receipt", 1, "success"),
            f"Submission received. SHA-256 of the manifest body: {'ab' * 32}. {outside}",
            *([TEST, WORKER, "person:o-17"], [METS]),
        ),
        (
            *("quarantine", 1, "batch.page-missing"),
            "Quarantined at validate_batch. here: page 2 is missing. Send it again. " + outside,
            *([TEST, WORKER], [METS]),
        ),
        (
            *("submission receipt", 1, "success"),
            f"Submission received. SHA-256 of the manifest body: {'cd' * 32}. {outside}",
            *([TEST, WORKER, "person:o-17"], [METS]),
        ),
        (
            *("decision", 1, "success", f"pause: text:hmac-sha256:00 {outside}"),
            *([TEST, WORKER, "person:p-9"], [METS]),
        ),
        (
            *("deferral", 1, "deferred.storage"),
            "acquire_page, attempt 1: The store did not answer",
            *([TEST, WORKER], [MASTERS[1]]),
        ),
        (
            *("quarantine", 1, "page.damaged"),
            "Quarantined at acquire_page. here: a damaged strip. Send it again.",
            *([TEST, WORKER], [MASTERS[1]]),
        ),
        (
            *("decision", 1, "success", "release: text:hmac-sha256:00"),
            *([TEST, WORKER, "person:p-9"], [MASTERS[1]]),
        ),
    ]
    times = [one.findtext("p:eventDateTime", "", NS) for one in premis.iterfind("p:event", NS)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        (
            {
                "uri": "http://rightsstatements.org/vocab/InC/1.0/",
                "access": "restricted",
                "embargo_until": "2030-01-01",
                "holder": "Library & Archive",
            },
            "<rightsBasis>copyright</rightsBasis><copyrightInformation>"
            "<copyrightStatus>copyrighted</copyrightStatus>"
            "<copyrightJurisdiction>unknown</copyrightJurisdiction>"
            "<copyrightNote>Rights holder: Library &amp; Archive</copyrightNote>"
            "<copyrightDocumentationIdentifier>"
            "<copyrightDocumentationIdentifierType>URI</copyrightDocumentationIdentifierType>"
            "<copyrightDocumentationIdentifierValue>http://rightsstatements.org/vocab/InC/1.0/"
            "</copyrightDocumentationIdentifierValue></copyrightDocumentationIdentifier>"
            "</copyrightInformation><rightsGranted><act>disseminate</act>"
            "<restriction>access: restricted</restriction>"
            "<termOfRestriction><startDate>2026-03-01</startDate>"
            "<endDate>2030-01-01</endDate></termOfRestriction></rightsGranted>",
        ),
        (
            {"uri": "https://creativecommons.org/licenses/by/4.0/", "access": "open"},
            "<rightsBasis>license</rightsBasis><licenseInformation>"
            "<licenseDocumentationIdentifier>"
            "<licenseDocumentationIdentifierType>URI</licenseDocumentationIdentifierType>"
            "<licenseDocumentationIdentifierValue>https://creativecommons.org/licenses/by/4.0/"
            "</licenseDocumentationIdentifierValue></licenseDocumentationIdentifier>"
            "</licenseInformation><rightsGranted><act>disseminate</act>"
            "<rightsGrantedNote>access: open</rightsGrantedNote></rightsGranted>",
        ),
        (
            {"uri": "http://rightsstatements.org/vocab/InC-OW-EU/1.0/"},
            "<rightsBasis>statute</rightsBasis><statuteInformation>"
            "<statuteJurisdiction>eu</statuteJurisdiction><statuteCitation>Directive 2012/28/EU on "
            "certain permitted uses of orphan works</statuteCitation>"
            "<statuteDocumentationIdentifier>"
            "<statuteDocumentationIdentifierType>URI</statuteDocumentationIdentifierType>"
            "<statuteDocumentationIdentifierValue>http://rightsstatements.org/vocab/InC-OW-EU/1.0/"
            "</statuteDocumentationIdentifierValue></statuteDocumentationIdentifier>"
            "</statuteInformation>",
        ),
        (
            {"note": "Gift of 1921", "access": "open", "embargo_until": "2030-01-01"},
            "<rightsBasis>other</rightsBasis><otherRightsInformation>"
            "<otherRightsBasis>rights as submitted</otherRightsBasis>"
            "<otherRightsNote>Gift of 1921</otherRightsNote></otherRightsInformation>"
            "<rightsGranted><act>disseminate</act><restriction>access: embargo</restriction>"
            "<termOfRestriction><startDate>2026-03-01</startDate>"
            "<endDate>2030-01-01</endDate></termOfRestriction></rightsGranted>",
        ),
    ],
    ids=["copyright with embargo", "license", "statute", "other"],
)
def test_a_book_with_rights_states_them_by_their_basis(
    tools: Tools, rights: dict[str, str], expected: str
) -> None:
    premis_of(tools, pages=TWO_PAGES, rights=rights)

    assert line_with(tools, "<rightsStatement>", pages=TWO_PAGES, rights=rights) == (
        "<rights><rightsStatement><rightsStatementIdentifier>"
        "<rightsStatementIdentifierType>copystand</rightsStatementIdentifierType>"
        "<rightsStatementIdentifierValue>vol-1.v1/rights</rightsStatementIdentifierValue>"
        f"</rightsStatementIdentifier>{expected}<linkingObjectIdentifier>"
        "<linkingObjectIdentifierType>copystand</linkingObjectIdentifierType>"
        "<linkingObjectIdentifierValue>vol-1</linkingObjectIdentifierValue>"
        "</linkingObjectIdentifier><linkingObjectIdentifier>"
        "<linkingObjectIdentifierType>copystand</linkingObjectIdentifierType>"
        "<linkingObjectIdentifierValue>vol-1.v1</linkingObjectIdentifierValue>"
        "</linkingObjectIdentifier></rightsStatement></rights>"
    )


def test_a_model_is_an_agent_with_the_version_and_the_digest_of_its_file(tools: Tools) -> None:
    digest = "ef" * 32
    model = Agent(
        type="software",
        name="tesseract model deu",
        version=f"sha256:{digest}",
        role="executing program",
    )
    read = PageEnriched(
        head=head_of("run-1", "read", page_id="vol-1:0001"),
        acts=(Act(type="creation", outcome="suc", detail="Read", agents=(model,)),),
    )
    item: dict[str, Any] = {
        "pages": TWO_PAGES,
        "history": (read,),
        "profile": {"recognition": {"model_versions": {"deu": "4.00.00alpha:deu:synth20170629"}}},
    }
    premis_of(tools, **item)

    assert line_with(tools, "<agentName>tesseract model deu", **item) == (
        "<agent><agentIdentifier><agentIdentifierType>copystand</agentIdentifierType>"
        f"<agentIdentifierValue>software:tesseract model deu@sha256:{digest}"
        "</agentIdentifierValue></agentIdentifier><agentName>tesseract model deu</agentName>"
        '<agentType valueURI="http://id.loc.gov/vocabulary/preservation/agentType/sof">'
        "software</agentType><agentVersion>4.00.00alpha:deu:synth20170629</agentVersion>"
        f"<agentNote>SHA-256 of the model file: {digest}</agentNote></agent>"
    )


def test_a_captured_master_names_the_event_by_which_its_device_made_it(tools: Tools) -> None:
    pages = (a_page_entry(1), a_page_entry(2))
    digest = hashlib.sha256(b"master 0001" * 100).hexdigest()
    captured = a_captured_page(sha256=digest)
    premis = premis_of(tools, pages=pages, capture=captured)

    made = {
        first(one, "eventIdentifier"): one.findtext(".//p:eventDetail", "", NS)
        for one in premis.iterfind("p:event", NS)
    }
    (master,) = [
        one
        for one in premis.iterfind("p:object", NS)
        if first(one, "objectIdentifier")[1] == MASTERS[0]
    ]
    assert [made[name] for name in names(master, "linkingEventIdentifier")] == [
        "Captured by the device."
    ]
    assert master.findtext(".//p:creatingApplicationName", None, NS) == "SANE"
    (device,) = [
        one
        for one in premis.iterfind("p:agent", NS)
        if one.findtext("p:agentType", "", NS) == "hardware"
    ]
    assert device.findtext("p:agentNote", None, NS) == "serial number or address: 4711"


def a_captured_page(sha256: str) -> CaptureAccepted:
    capture = CaptureAccepted(
        head=head_of("run-1", "captured", page_id="vol-1:0001"),
        capture_id="c-1",
        sequence=1,
        driver="sane",
        driver_version="1.2",
        device_make="Acme",
        device_model="Flat 9",
        device_serial="4711",
        sha256=sha256,
        captured_at=NOON,
    )
    device = device_of(capture)
    assert device is not None
    act = Act(
        type="creation",
        outcome="suc",
        detail="Captured by the device.",
        agents=(driver_of(capture), device),
        sources=("page:vol-1:0001",),
        results=(f"sha256:{sha256}",),
    )
    return capture.model_copy(update={"acts": (act,)})


def test_an_image_of_a_shared_file_is_a_bitstream_of_it(tools: Tools) -> None:
    pages = tuple(a_page_entry(n, image=n, looks_like="both") for n in (1, 2))
    premis = premis_of(tools, pages=pages)

    images = [
        (
            first(one, "objectIdentifier")[1].partition("#")[2],
            names(one.find("p:relationship", NS), "relatedObjectIdentifier"),
        )
        for one in premis.iterfind("p:object", NS)
        if one.get(KIND) == "premis:bitstream"
    ]
    (master,) = [
        first(one, "objectIdentifier")
        for one in premis.iterfind("p:object", NS)
        if "/data/master/" in first(one, "objectIdentifier")[1] and one.get(KIND) == "premis:file"
    ]
    assert images == [("image=1", [master]), ("image=2", [master])]


def test_the_same_facts_give_the_same_bytes(tools: Tools) -> None:
    item = a_completed_item(tools, layout=2, history=a_troubled_history())

    made = [files_of(published(item, tools), tools)["data/metadata/premis.xml"] for _ in range(2)]

    assert made[0] == made[1]


def test_a_page_with_eight_files_takes_at_most_8_kilobytes(tools: Tools) -> None:
    sizes = []
    for count in (10, 60):
        pages = tuple(a_page_entry(n) for n in range(1, count + 1))
        files = files_of(published(a_completed_item(tools, pages=pages, layout=2), tools), tools)
        sizes.append(len(files["data/metadata/premis.xml"]))

    assert (sizes[1] - sizes[0]) / 50 <= 8_000


@pytest.mark.parametrize("of_page", [False, True], ids=["of the batch", "of its page"])
def test_a_warning_that_names_the_bytes_of_a_derivative_links_a_file_that_importers_know(
    tools: Tools, of_page: bool
) -> None:
    # A delivered file that was not packaged may have the bytes of a derivative by chance.
    digest = next(
        file.sha256
        for fact in facts_of(a_completed_item(tools, TWO_PAGES, layout=2), tools)
        for file in getattr(fact, "files", ())
        if file.use == "access"
    )
    acts = (Act(type="validation", outcome="war", detail="W", sources=(f"sha256:{digest}",)),)
    head = _after("seen", 5, item_id=None, page_id=None)
    fact: Record = BatchReceived(head=head, manifest_sha256="ab" * 32, acts=acts)
    if of_page:
        fact = PageEnriched(head=_after("seen", 5, page_id="vol-1:0001"), acts=acts)

    premis = premis_of(tools, pages=TWO_PAGES, history=(fact,), **NO_RIGHTS)

    (found,) = [one for one in events(premis) if one[3].startswith("W")]
    access = "vol-1.v1/data/access/vol-1_0001.jpg"
    assert found[5] == ([access, MASTERS[0]] if of_page else [METS])
