"""All errors of a manifest are reported at once, with their locations and without exceptions."""

from typing import Any

import pytest

from processors.manifest import Manifest, read_manifest
from processors.rules.codes import is_error
from tests.support.deliveries import a_manifest, a_manifest_page, an_item, as_bytes, sealed

FIVE_FIELDS = {
    "batch_id": "b-1",
    "scanner_profile": "as-delivered",
    "file_count": 3,
    "checksums": {"manifest_sha256": "0" * 64},
    "metadata_schema": "MODS",
}


def errors(manifest: Any) -> list[tuple[str, str]]:
    """Codes and locations of the errors."""
    read, found = read_manifest(as_bytes(manifest))
    reported = [(one.code, one.where) for one in found if is_error(one)]
    assert (read is None) == bool(reported)
    return reported


def of_item(**changes: Any) -> list[tuple[str, str]]:
    return errors(a_manifest(an_item(**changes)))


def of_page(**changes: Any) -> list[tuple[str, str]]:
    pages = [a_manifest_page(1), a_manifest_page(2, **changes)]
    return of_item(pages=pages)


def of_file(**changes: Any) -> list[tuple[str, str]]:
    return of_page(file={**a_manifest_page(2)["file"], **changes})


def test_reads_a_manifest_without_errors() -> None:
    read, found = read_manifest(as_bytes(a_manifest(an_item("vol-1"), an_item("vol-2", pages=2))))

    assert isinstance(read, Manifest)
    assert found == []
    assert read.page_count == 5
    assert read.items[0].pages[0].effective_ref == "0001"


def test_the_five_fields_alone_get_a_clear_diagnosis() -> None:
    read, found = read_manifest(as_bytes(FIVE_FIELDS))

    assert read is None
    assert [(one.code, one.where) for one in found] == [
        ("manifest.field-missing", "items"),
        ("manifest.digest-mismatch", "checksums.manifest_sha256"),
    ]
    assert found[0].fix == (
        "Add `items`, a list with the item_id and the pages of each item (docs/manifest.md)."
    )
    assert all(one.found and one.fix and one.severity == "error" for one in found)


def test_the_five_fields_with_a_correct_digest_lack_only_the_items() -> None:
    assert errors(sealed({k: v for k, v in FIVE_FIELDS.items() if k != "checksums"})) == [
        ("manifest.field-missing", "items")
    ]


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"batch_id": "../b"}, "batch.id-malformed", "batch_id"),
        ({"batch_id": "b" * 65}, "batch.id-malformed", "batch_id"),
        ({"batch_id": "b-1\n"}, "batch.id-malformed", "batch_id"),
        ({"batch_id": 7}, "manifest.field-wrong-type", "batch_id"),
        ({"metadata_schema": "mods"}, "manifest.metadata-schema-unknown", "metadata_schema"),
        ({"scanner_profile": "nowhere"}, "profile.unknown", "scanner_profile"),
        ({"operator": "Anna Schmidt"}, "person.not-a-pseudonym", "operator"),
        ({"priority": "asap"}, "batch.priority-unknown", "priority"),
        ({"not_before": "tomorrow"}, "batch.not-before-malformed", "not_before"),
        ({"not_before": "2026-11-22T18:00:00"}, "batch.not-before-malformed", "not_before"),
        ({"file_count": 5}, "manifest.file-count-mismatch", "file_count"),
        ({"file_count": "4"}, "manifest.field-wrong-type", "file_count"),
        ({"file_count": True}, "manifest.field-wrong-type", "file_count"),
        ({"file_count": 4.0}, "manifest.field-wrong-type", "file_count"),
        ({"languages": ["fra"]}, "manifest.field-unknown", "languages"),
        ({"items": {}}, "manifest.field-wrong-type", "items"),
        ({"items": []}, "batch.without-items", "items"),
    ],
)
def test_an_error_of_the_batch_is_reported_with_its_location(
    changes: dict[str, Any], code: str, where: str
) -> None:
    found = errors(a_manifest(**changes))

    assert (code, where) in found
    assert {one for one, _ in found} <= {code, "manifest.file-count-mismatch"}


@pytest.mark.parametrize("operator", ["Anna Schmidt", {"name": "Anna Schmidt"}, ["Anna Schmidt"]])
def test_the_name_of_an_operator_is_not_repeated_in_a_finding(operator: Any) -> None:
    _, found = read_manifest(as_bytes(a_manifest(operator=operator)))

    (finding,) = [one for one in found if one.where.startswith("operator")]
    assert "Anna" not in str(finding)
    assert "not repeated here" in finding.found


@pytest.mark.parametrize(
    ("changes", "code", "location"),
    [
        ({"item_id": "Ms. fol. 88"}, "item.id-malformed", "item_id"),
        ({"titel": "Psalter"}, "manifest.field-unknown", "titel"),
        ({"languages": "lat"}, "manifest.field-wrong-type", "languages"),
        ({"languages": ["xx1"]}, "language.unknown", "languages[0]"),
        ({"script": "Fraktur"}, "language.script-unknown", "script"),
        ({"pages": []}, "item.without-pages", "pages"),
        ({"rights": {"access": "free"}}, "rights.access-unknown", "rights.access"),
        ({"rights": {"uri": "public domain"}}, "rights.uri-malformed", "rights.uri"),
        ({"rights": {"embargo_until": "2031"}}, "rights.embargo-malformed", "rights.embargo_until"),
        ({"identifiers": ["Ms. 88"]}, "manifest.field-wrong-type", "identifiers[0]"),
        ({"title": ""}, "manifest.field-out-of-range", "title"),
        ({"title": "x" * 2001}, "manifest.field-out-of-range", "title"),
    ],
)
def test_an_error_of_an_item_is_reported_with_its_location(
    changes: dict[str, Any], code: str, location: str
) -> None:
    assert of_item(**changes) == [(code, f"items[0].{location}")]


@pytest.mark.parametrize(
    ("changes", "code", "location"),
    [
        ({"ref": "1 v"}, "page.ref-malformed", "ref"),
        ({"ref": "0001"}, "page.ref-duplicate", "ref"),
        ({"sequence": 1}, "page.sequence-duplicate", "sequence"),
        ({"sequence": 0}, "manifest.field-out-of-range", "sequence"),
        ({"sequence": "2"}, "manifest.field-wrong-type", "sequence"),
        ({"kind": "plate"}, "page.kind-unknown", "kind"),
        ({"kind": "missing"}, "page.file-surplus", "file"),
        ({"file": None}, "page.file-missing", "file"),
        ({"layout": "double"}, "page.layout-unknown", "layout"),
        ({"labels": "1r"}, "manifest.field-wrong-type", "labels"),
    ],
)
def test_an_error_of_a_page_is_reported_with_its_location(
    changes: dict[str, Any], code: str, location: str
) -> None:
    assert of_page(**changes) == [(code, f"items[0].pages[1].{location}")]


@pytest.mark.parametrize(
    ("changes", "code", "location"),
    [
        ({"sha256": "AB" * 32}, "file.sha256-malformed", "sha256"),
        ({"size_bytes": -1}, "manifest.field-out-of-range", "size_bytes"),
        ({"size_bytes": 2**80}, "manifest.field-out-of-range", "size_bytes"),
        ({"path": "vol-1/0001.png"}, "file.path-duplicate", "path"),
        ({"path": "/etc/passwd"}, "file.name-unsafe", "path"),
        ({"path": "vol-1/../0002.png"}, "file.name-unsafe", "path"),
        ({"path": "vol-1\\0002.png"}, "file.name-unsafe", "path"),
        ({"path": "C:0002.png"}, "file.name-unsafe", "path"),
        ({"path": "vol-1//0002.png"}, "file.name-unsafe", "path"),
        ({"path": "vol-1/00\n02.png"}, "file.name-unsafe", "path"),
        ({"path": "é" * 200}, "file.name-unsafe", "path"),
    ],
)
def test_an_error_of_a_file_is_reported_with_its_location(
    changes: dict[str, Any], code: str, location: str
) -> None:
    assert of_file(**changes) == [(code, f"items[0].pages[1].file.{location}")]


def test_item_ids_that_differ_only_in_case_are_duplicates() -> None:
    found = errors(a_manifest(an_item("vol-1"), an_item("Vol-1")))

    assert found == [("item.id-duplicate", "items[1].item_id")]


def test_a_ref_derived_from_the_sequence_may_duplicate_a_given_one() -> None:
    assert of_page(ref=None) == []
    assert of_page(ref=None, sequence=1)[0] == ("page.ref-duplicate", "items[0].pages[1].ref")


def test_equal_sequences_without_refs_are_one_error() -> None:
    pages = [a_manifest_page(1, ref=None), a_manifest_page(2, ref=None, sequence=1)]

    assert of_item(pages=pages) == [("page.sequence-duplicate", "items[0].pages[1].sequence")]


def test_a_missing_page_needs_no_file() -> None:
    read, _ = read_manifest(as_bytes(a_manifest(an_item(pages=[
        a_manifest_page(1), a_manifest_page(2, kind="missing", file=None)
    ]))))  # fmt: skip

    assert read is not None
    assert read.page_count == 2


def test_an_item_with_only_missing_pages_is_refused() -> None:
    pages = [a_manifest_page(1, kind="missing", file=None)]

    assert of_item(pages=pages) == [("item.all-pages-missing", "items[0].pages")]


def test_an_item_over_the_limit_is_too_large() -> None:
    pages = [
        {"sequence": n, "kind": "missing"} if n > 1 else a_manifest_page(1)
        for n in range(1, 20_002)
    ]

    assert of_item(pages=pages) == [("item.too-large", "items[0].pages")]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (an_item(pages=[a_manifest_page(1), a_manifest_page(3)]), "item.sequence-gap"),
        (an_item(metadata=[]), "item.without-record"),
        (
            an_item(
                pages=[
                    a_manifest_page(1),
                    a_manifest_page(2, file={**a_manifest_page(1)["file"], "path": "other.png"}),
                ]
            ),
            "page.same-bytes",
        ),
    ],
)
def test_unusual_values_are_warnings(item: dict[str, Any], code: str) -> None:
    read, found = read_manifest(as_bytes(a_manifest(item)))

    assert read is not None
    assert [(one.code, one.severity) for one in found] == [(code, "warn")]


def test_a_body_changed_after_its_digest_is_detected() -> None:
    manifest = a_manifest()
    manifest["items"][0]["title"] = "Another"

    assert errors(manifest) == [("manifest.digest-mismatch", "checksums.manifest_sha256")]
