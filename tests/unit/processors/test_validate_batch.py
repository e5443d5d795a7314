"""Pre-flight accepts a batch with its items, or reports every error."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from processors.outcome import Done, Rejected
from processors.profile import names
from processors.rules import language_models
from processors.tools import Area, Tools, staging_key
from processors.validate_batch import validate_batch
from schemas.models import BatchAccepted, FileRef, ItemRegistered
from tests.support.deliveries import (
    a_listed,
    a_manifest,
    a_manifest_page,
    a_png,
    an_item,
    memory_tools,
    staged,
)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.setattr(
        language_models.installation, "installed_models", lambda: frozenset({"eng", "fra", "osd"})
    )
    return memory_tools(tmp_path)


def document(tools: Tools, files: tuple[FileRef, ...], use: str) -> Any:
    return json.loads(tools.storage.read(next(one for one in files if one.use == use)))


def accepted(outcome: Any) -> tuple[BatchAccepted, list[ItemRegistered]]:
    assert isinstance(outcome, Done), outcome
    first, *rest = outcome.facts
    assert isinstance(first, BatchAccepted)
    return first, rest


def test_accepts_a_batch_and_registers_its_items(tools: Tools) -> None:
    manifest = a_manifest(an_item("vol-1"), an_item("vol-2", pages=2), priority="rush")
    batch = staged(tools, manifest)

    fact, items = accepted(validate_batch(batch, tools))

    assert (fact.item_count, fact.page_count, fact.priority) == (2, 5, "rush")
    assert fact.head.batch_id == "b-1"
    assert fact.manifest_sha256 == manifest["checksums"]["manifest_sha256"]
    assert fact.received_sha256 == batch.files[0].sha256
    assert [file.use for file in fact.files] == ["manifest", "profile"]
    assert [(one.head.item_id, one.page_count) for one in items] == [("vol-1", 3), ("vol-2", 2)]
    assert items[0].required_branches == ("derive_page", "describe_page", "recognize_page")
    assert [file.use for file in items[0].files] == ["page-list", "profile"]


def test_the_page_list_has_every_page_in_order_with_defaults_filled_in(tools: Tools) -> None:
    pages = [
        a_manifest_page(2, languages=["fra"], labels=["1v", "2r"], layout="spread"),
        a_manifest_page(1, ref=None, kind="cover"),
        {"sequence": 3, "kind": "missing"},
    ]
    batch = staged(tools, a_manifest(an_item(pages=pages, script="Latn"), project="psalters"))

    _, [item] = accepted(validate_batch(batch, tools))

    written = document(tools, item.files, "page-list")
    assert [page["ref"] for page in written["pages"]] == ["0001", "0002", "0003"]
    assert written["pages"][0] == {
        "ref": "0001",
        "sequence": 1,
        "kind": "cover",
        "layout": "single",
        "labels": [],
        "languages": ["eng"],
        "script": "Latn",
        "capture": None,
        "file": {
            **a_listed("vol-1/0001.png", a_png(1)),
            "vendor_checksums": [],
            "key": staging_key(a_manifest_page(1)["file"]["sha256"]),
            "media_type": "image/png",
        },
        "text": None,
    }
    assert written["pages"][1]["languages"] == ["fra"]
    assert written["pages"][2]["file"] is None
    assert written["records"][0]["schema"] == "MODS"
    assert written["item"]["item_id"] == "vol-1"
    assert "pages" not in written["item"]
    assert written["batch"]["project"] == "psalters"
    assert written["batch"]["manifest"]["sha256"] == batch.files[0].sha256


def test_a_missing_model_for_a_script_is_reported(tools: Tools) -> None:
    batch = staged(tools, a_manifest(an_item(script="Latf", languages=["deu"])))

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.where) == ("language.model-missing", "items[0].languages")
    assert "deu in Latf requires the model" in outcome.found
    assert "apt-get install tesseract-ocr-" in outcome.fix


def test_the_profile_is_frozen_with_the_batch(tools: Tools) -> None:
    fact, [item] = accepted(validate_batch(staged(tools, a_manifest()), tools))

    frozen = document(tools, fact.files, "profile")
    assert frozen["name"] == "as-delivered"
    assert frozen["limits"]["max_pixels"] > 0
    assert item.files[1] == fact.files[1]


def test_the_acts_name_what_was_checked(tools: Tools) -> None:
    batch = staged(tools, a_manifest())

    fact, _ = accepted(validate_batch(batch, tools))

    assert [(act.type, act.outcome, act.code) for act in fact.acts] == [
        ("fixity check", "suc", None),
        ("validation", "suc", None),
    ]
    assert fact.acts[0].sources == (f"sha256:{batch.files[0].sha256}",)


def test_warnings_are_in_the_fact_and_in_the_act(tools: Tools) -> None:
    pages = [a_manifest_page(1), a_manifest_page(3)]

    fact, _ = accepted(validate_batch(staged(tools, a_manifest(an_item(pages=pages))), tools))

    assert [one.code for one in fact.diagnostics] == ["item.sequence-gap"]
    assert fact.diagnostics_count == 1
    assert (fact.acts[1].outcome, fact.acts[1].code) == ("war", "item.sequence-gap")


def test_more_warnings_than_fit_in_the_fact_are_stored_as_a_file(tools: Tools) -> None:
    items = [an_item(f"vol-{n}", metadata=[]) for n in range(25)]

    fact, _ = accepted(validate_batch(staged(tools, a_manifest(*items)), tools))

    assert (len(fact.diagnostics), fact.diagnostics_count) == (20, 25)
    assert len(document(tools, fact.files, "diagnostics")) == 25


def test_a_single_error_has_its_own_code(tools: Tools) -> None:
    batch = staged(tools, a_manifest(scanner_profile="nowhere"))

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.where) == ("profile.unknown", "scanner_profile")
    assert outcome.fix == f"Use a known profile: {', '.join(names())}."
    assert "as-delivered, bitonal-text, book-colour" in outcome.fix


def test_several_errors_are_reported_at_once(tools: Tools) -> None:
    pages = [a_manifest_page(1), a_manifest_page(2, kind="plate"), a_manifest_page(3, sequence=1)]
    batch = staged(tools, a_manifest(an_item(pages=pages), file_count=9))

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "manifest.faulty"
    assert outcome.found == (
        "3 errors: page.kind-unknown, manifest.file-count-mismatch, page.sequence-duplicate"
    )
    assert [one.code for one in outcome.diagnostics if one.severity == "error"] == [
        "page.kind-unknown",
        "manifest.file-count-mismatch",
        "page.sequence-duplicate",
    ]


def test_every_missing_file_is_reported(tools: Tools) -> None:
    batch = staged(tools, a_manifest(an_item(pages=5)), pages=3)

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert [(one.code, one.where) for one in outcome.diagnostics] == [
        ("batch.page-missing", "items[0].pages[3].file"),
        ("batch.page-missing", "items[0].pages[4].file"),
    ]


def test_a_file_with_another_size_is_reported(tools: Tools) -> None:
    file = {**a_manifest_page(1)["file"], "size_bytes": 1}

    outcome = validate_batch(
        staged(tools, a_manifest(an_item(pages=[a_manifest_page(1, file=file)]))), tools
    )

    assert isinstance(outcome, Rejected)
    assert outcome.code == "file.size-mismatch"


@pytest.mark.parametrize(
    ("content", "schema", "code"),
    [
        (b"<mods", "MODS", "record.not-well-formed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "MODS", "record.not-well-formed"),
        (b'<mets xmlns="http://www.loc.gov/METS/"/>', "MODS", "record.schema-mismatch"),
    ],
)
def test_records_are_checked_in_pre_flight(
    tools: Tools, content: bytes, schema: str, code: str
) -> None:
    stored = tools.storage.keep(content, area=Area.STAGING, use="record", media_type="")
    record = {"role": "descriptive", "schema": schema, "file": a_listed("m.xml", content)}

    outcome = validate_batch(staged(tools, a_manifest(an_item(metadata=[record]))), tools)

    assert stored.sha256 == record["file"]["sha256"]
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_a_manifest_of_another_batch_or_digest_is_refused(tools: Tools) -> None:
    batch = staged(tools, a_manifest(batch_id="b-2")).model_copy(
        update={"manifest_sha256": "0" * 64}
    )

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert [one.code for one in outcome.diagnostics] == [
        "batch.id-mismatch",
        "manifest.not-as-announced",
    ]


def test_a_batch_without_manifest_in_the_store_is_refused(tools: Tools) -> None:
    batch = staged(memory_tools(tools.scratch), a_manifest())

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "batch.manifest-missing"


def test_the_same_batch_gives_the_same_facts(tools: Tools) -> None:
    batch = staged(tools, a_manifest(an_item("vol-1"), an_item("vol-2")))

    assert validate_batch(batch, tools) == validate_batch(batch, tools)


def test_a_corrected_manifest_raises_the_revision_of_its_items(tools: Tools) -> None:
    batch = staged(tools, a_manifest())
    batch = batch.model_copy(update={"head": batch.head.model_copy(update={"revision": 2})})

    fact, [item] = accepted(validate_batch(batch, tools))

    assert (fact.head.revision, item.head.revision) == (2, 2)


@pytest.mark.parametrize("languages", [None, [], ["und"]])
def test_an_unstated_language_stays_unstated_and_its_models_are_frozen(
    tools: Tools, languages: list[str] | None
) -> None:
    batch = staged(tools, a_manifest(an_item(languages=languages, pages=1)))

    fact, [item] = accepted(validate_batch(batch, tools))

    listed = document(tools, item.files, "page-list")
    assert listed["pages"][0]["languages"] == (languages or [])
    frozen = document(tools, fact.files, "profile")["unstated_language"]
    assert frozen == {
        "engine": "tesseract",
        "identification": "py3langid",
        "models": ["eng", "fra"],
    }


def test_an_unstated_language_needs_one_of_the_models_of_the_profile(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        language_models.installation, "installed_models", lambda: frozenset({"jpn"})
    )
    batch = staged(tools, a_manifest(an_item(languages=None)))

    outcome = validate_batch(batch, tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.where) == ("language.model-missing", "items[0].languages")
    assert outcome.found.startswith("und requires the model eng or fra or deu")


def test_the_profile_of_a_batch_names_the_engine_and_the_digests_of_all_models(
    tools: Tools,
) -> None:
    fact, _ = accepted(validate_batch(staged(tools, a_manifest(an_item())), tools))

    frozen = document(tools, fact.files, "profile")["recognition"]
    assert (frozen["engine"], set(frozen["software"])) == ("tesserocr", {"tesserocr", "tesseract"})
    assert set(frozen["models"]) == {"eng", "fra", "osd"}
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in frozen["models"].values())


@pytest.mark.parametrize(
    ("profile", "code"), [("as-delivered", "profile.engine-missing"), ("photograph", None)]
)
def test_a_batch_is_refused_where_the_engine_of_its_profile_is_not_installed(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, profile: str, code: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    monkeypatch.delitem(sys.modules, "processors.ocr.library_engine", raising=False)
    batch = staged(tools, a_manifest(an_item(), scanner_profile=profile))

    outcome = validate_batch(batch, tools)

    assert getattr(outcome, "code", None) == code
    if code:
        assert isinstance(outcome, Rejected)
        assert outcome.where == "scanner_profile"
        assert outcome.found.startswith("the Python package tesserocr cannot be imported: ")


def test_a_blank_page_needs_no_model(tools: Tools) -> None:
    pages = [a_manifest_page(1), a_manifest_page(2, kind="blank", languages=["jpn"])]

    accepted(validate_batch(staged(tools, a_manifest(an_item(pages=pages))), tools))


def test_records_that_are_only_stored_are_accepted_whatever_they_contain(tools: Tools) -> None:
    item = an_item(pages=1)
    for schema in ("MARCXML", "EAD", "TEI", "OAI-PMH", "XML", "CSV", "BagInfo"):
        content = f"{schema}, not checked".encode()
        file = a_listed(f"vol-1/{schema}", content)
        tools.storage.keep(content, area=Area.STAGING, use="record", media_type="text/plain")
        item["metadata"].append({"role": "descriptive", "schema": schema, "file": file})

    fact, _ = accepted(validate_batch(staged(tools, a_manifest(item)), tools))

    assert fact.diagnostics == ()
