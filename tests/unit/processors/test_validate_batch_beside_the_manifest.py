"""Pre-flight uses delivered texts, digests in METS, own profiles and schemas."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.outcome import Done, Rejected, ToolCrashed
from processors.rules import language_models
from processors.tools import Area, Tools
from processors.validate_batch import validate_batch
from tests.support.deliveries import (
    a_folder,
    a_listed,
    a_manifest,
    a_manifest_page,
    an_item,
    memory_tools,
    sealed,
    staged,
)
from tests.unit.processors.test_manifest_bytes import JSON_VALUES

ALTO = b'<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><String CONTENT="word"/></alto>'
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
<dmdSec ID="d"><mdWrap MDTYPE="DC"><xmlData><title xmlns="http://purl.org/dc/elements/1.1/">A</title>
</xmlData></mdWrap></dmdSec><fileSec><fileGrp>{files}</fileGrp></fileSec>
<structMap><div/></structMap></mets>"""
FILE = (
    '<file ID="{id}" CHECKSUMTYPE="MD5" CHECKSUM="{md5}">'
    '<FLocat LOCTYPE="URL" xlink:href="http://images.example/{name}"/></file>'
)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.setattr(
        language_models.installation, "installed_models", lambda: frozenset({"eng", "osd"})
    )
    return memory_tools(tmp_path)


def stored(tools: Tools, path: str, content: bytes) -> dict[str, Any]:
    tools.storage.keep(content, area=Area.STAGING, use="record", media_type="")
    return a_listed(path, content)


def pages_of(outcome: Any, tools: Tools) -> list[dict[str, Any]]:
    assert isinstance(outcome, Done), outcome
    listed = next(one for one in outcome.facts[1].files if one.use == "page-list")  # type: ignore[attr-defined]
    return list(json.loads(tools.storage.read(listed))["pages"])


def test_the_page_list_contains_the_text_of_a_page(tools: Tools) -> None:
    text = stored(tools, "vol-1/1.xml", ALTO)
    item = an_item(pages=[a_manifest_page(1, text=text), a_manifest_page(2)])

    first, second = pages_of(
        validate_batch(staged(tools, a_manifest(item, file_count=4)), tools), tools
    )

    assert first["text"]["sha256"] == text["sha256"]
    assert first["text"]["key"].startswith("staging/sha256/")
    assert first["text"]["media_type"] == "application/xml"
    assert second["text"] is None


def test_a_page_with_delivered_text_needs_no_model(tools: Tools) -> None:
    text = stored(tools, "vol-1/1.xml", ALTO)
    item = an_item(pages=[a_manifest_page(1, text=text, languages=["jpn"])])

    assert isinstance(validate_batch(staged(tools, a_manifest(item, file_count=3)), tools), Done)


def test_digests_in_a_mets_are_added_to_the_page(tools: Tools) -> None:
    files = [
        FILE.format(id="a", md5="AB" * 16, name="0001.png"),
        FILE.format(id="b", md5="CD" * 16, name="0002.png"),
        FILE.format(id="c", md5="EF" * 16, name="thumbs/0002.png"),
    ]
    mets = stored(tools, "vol-1/mets.xml", METS.format(files="".join(files)).encode())
    record = {"role": "structural", "schema": "METS", "file": mets}
    given = {**a_manifest_page(1)["file"], "vendor_checksums": [f"sha1:{'1' * 40}"]}
    item = an_item(pages=[a_manifest_page(1, file=given), a_manifest_page(2)], metadata=[record])

    first, second = pages_of(validate_batch(staged(tools, a_manifest(item)), tools), tools)

    assert first["file"]["vendor_checksums"] == [f"md5:{'ab' * 16}", f"sha1:{'1' * 40}"]
    assert second["file"]["vendor_checksums"] == []


def test_a_profile_of_the_institution_is_frozen_with_the_batch(
    tools: Tools, tmp_path: Path
) -> None:
    text = 'extends = "as-delivered"\nrequired_branches = ["derive_page"]\n'
    mine = replace(tools, profiles=a_folder(tmp_path / "profiles", {"mine.toml": text}))

    outcome = validate_batch(staged(tools, a_manifest(scanner_profile="mine")), mine)

    assert isinstance(outcome, Done)
    assert outcome.facts[1].required_branches == ("derive_page",)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("policy", "severity"), [("warn", "warn"), ("refuse", "error")])
def test_the_profile_sets_the_severity_of_an_invalid_record(
    tools: Tools, tmp_path: Path, policy: str, severity: str
) -> None:
    text = f'extends = "as-delivered"\ninvalid_record = "{policy}"\n'
    folder = a_folder(tmp_path / "profiles", {"mine.toml": text})
    content = b'<mods xmlns="http://www.loc.gov/mods/v3"><titel>x</titel></mods>'
    mods = stored(tools, "vol-1/m.xml", content)
    record = {"role": "descriptive", "schema": "MODS", "file": mods}
    manifest = a_manifest(an_item(metadata=[record]), scanner_profile="mine")
    standards = pytest.importorskip("infra.standards")
    if not standards.present():
        pytest.skip("no XSD files; run: make standards")
    mine = replace(tools, profiles=folder, standards=standards.standards_folder())

    outcome = validate_batch(staged(tools, manifest), mine)

    found = outcome.facts[0].diagnostics if isinstance(outcome, Done) else outcome.diagnostics  # type: ignore
    assert ("record.schema-invalid", severity) in [(one.code, one.severity) for one in found]
    assert isinstance(outcome, Rejected) == (policy == "refuse")


def test_a_missing_model_is_reported_with_other_errors(tools: Tools) -> None:
    item = an_item(languages=["jpn"], titel="x")

    outcome = validate_batch(staged(tools, a_manifest(item)), tools)

    assert isinstance(outcome, Rejected)
    assert [one.code for one in outcome.diagnostics] == [
        "manifest.field-unknown",
        "language.model-missing",
    ]


def test_missing_schemas_are_a_transient_failure(tools: Tools, tmp_path: Path) -> None:
    bare = replace(tools, standards=tmp_path / "nothing")

    with pytest.raises(ToolCrashed, match="make standards"):
        validate_batch(staged(tools, a_manifest()), bare)


PLACES = {
    "items": (),
    "metadata": ("items", 0),
    "rights": ("items", 0),
    "identifiers": ("items", 0),
    "part_of": ("items", 0),
    "pages": ("items", 0),
    "file": ("items", 0, "pages", 1),
    "text": ("items", 0, "pages", 1),
    "labels": ("items", 0, "pages", 1),
    "languages": ("items", 0, "pages", 1),
    "vendor_checksums": ("items", 0, "pages", 1, "file"),
    "size_bytes": ("items", 0, "pages", 1, "file"),
    "sha256": ("items", 0, "metadata", 0, "file"),
    "schema": ("items", 0, "metadata", 0),
    "scanner_profile": (),
}


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(field=st.sampled_from(sorted(PLACES)), value=JSON_VALUES)
def test_no_value_makes_pre_flight_raise_an_exception(field: str, value: Any, tools: Tools) -> None:
    body = {name: part for name, part in a_manifest().items() if name != "checksums"}
    holder: Any = body
    for step in PLACES[field]:
        holder = holder[step]
    holder[field] = value

    outcome = validate_batch(staged(tools, sealed(body)), tools)

    assert isinstance(outcome, Done | Rejected)
