"""Faults of pages, their files and texts."""

from tests.support.planting import NEVER_STAGED, Site, Told, fault, setting
from tests.support.valid_batches import ALTO, a_text

setting("page", "page.ref-malformed", "ref", "1 v")
setting("page", "page.ref-duplicate", "ref", "0001")
setting("page", "manifest.field-unknown", "lable", "x")
setting("page", "manifest.field-wrong-type", "labels", "1r")
setting("page", "page.kind-unknown", "kind", "plate")
setting("page", "page.layout-unknown", "layout", "double")
setting("page", "language.unknown", "languages", ["zz9"], "languages[0]")
setting("page", "page.file-missing", "file", None)
setting("page", "file.sha256-malformed", "file.sha256", "AB" * 32)
setting("page", "file.name-unsafe", "file.path", "../up.tif")
setting("page", "file.size-mismatch", "file.size_bytes", 0)
setting("page", "batch.page-missing", "file.sha256", NEVER_STAGED, "file")
setting("page", "manifest.field-out-of-range", "file.size_bytes", -1)


@fault("page")
def a_field_left_out(site: Site) -> Told:
    assert site.page
    del site.page["file"]["path"]
    return [("manifest.field-missing", f"{site.where}.file.path")]


@fault("page")
def a_sequence_twice(site: Site) -> Told:
    assert site.page and site.item and site.first
    own = site.page["sequence"]
    for page in site.item["pages"]:
        if page["sequence"] > own:
            page["sequence"] -= 1
    site.page["sequence"] = site.first["sequence"]
    return [("page.sequence-duplicate", f"{site.where}.sequence")]


@fault("page")
def a_file_for_a_missing_page(site: Site) -> Told:
    assert site.page
    site.page["kind"] = "missing"
    site.page.pop("text", None)
    return [("page.file-surplus", f"{site.where}.file")]


@fault("page")
def a_text_for_a_missing_page(site: Site) -> Told:
    assert site.page
    text = a_text(site.batch, "x", ALTO)
    site.page.update({"kind": "missing", "file": None, "text": text})
    return [("page.text-surplus", f"{site.where}.text")]


@fault("page")
def a_spread_with_one_label(site: Site) -> Told:
    assert site.page
    site.page.update({"layout": "spread", "labels": ["1v"]})
    return [("page.spread-labels", f"{site.where}.labels")]


@fault("page")
def one_image_twice(site: Site) -> Told:
    assert site.page and site.first
    first = site.first["file"]
    site.page["file"] = {**first, "path": f"x/{site.batch.fresh()}.tif"}
    return [("page.same-bytes", f"{site.where}.file.sha256")]


@fault("page")
def one_path_twice(site: Site) -> Told:
    assert site.page and site.first
    site.page["file"]["path"] = site.first["file"]["path"]
    return [("file.path-duplicate", f"{site.where}.file.path")]


@fault("page")
def a_file_cut_short(site: Site) -> Told:
    assert site.page
    site.page["file"]["size_bytes"] += 1
    return [("file.size-mismatch", f"{site.where}.file.size_bytes")]


@fault("page")
def a_vendor_digest_of_no_form(site: Site) -> Told:
    assert site.page
    site.page["file"]["vendor_checksums"] = ["md5:xyz"]
    return [("file.vendor-checksum-malformed", f"{site.where}.file.vendor_checksums[0]")]


@fault("page")
def a_vendor_digest_of_another_file(site: Site) -> Told:
    assert site.page
    site.page["file"]["vendor_checksums"] = [f"sha256:{'a' * 64}"]
    return [("file.vendor-checksum-differs", f"{site.where}.file.vendor_checksums[0]")]


@fault("page")
def a_text_that_did_not_arrive(site: Site) -> Told:
    assert site.page
    site.page["text"] = {"path": f"x/{site.batch.fresh()}", "sha256": "9" * 64, "size_bytes": 3}
    return [("batch.text-missing", f"{site.where}.text")]


@fault("page")
def a_text_that_is_no_alto(site: Site) -> Told:
    assert site.page
    site.page["text"] = a_text(site.batch, "x", "<PcGts>{name}</PcGts>")
    return [("page.text-not-alto", f"{site.where}.text")]


@fault("page")
def a_text_without_words(site: Site) -> Told:
    assert site.page
    site.page["text"] = a_text(site.batch, "x", "<alto><Layout/></alto>")
    return [("page.text-empty", f"{site.where}.text")]


@fault("page")
def no_model_for_a_page(site: Site) -> Told:
    assert site.page
    site.page.update({"kind": "page", "languages": ["jpn"]})
    site.page.pop("text", None)
    return [("language.model-missing", f"{site.where}.languages")]


@fault("page")
def a_label_against_the_house_rules(site: Site) -> Told:
    assert site.page
    site.batch.body["scanner_profile"] = "house"
    site.page.update({"layout": "single", "labels": ["x" * 40]})
    return [("institution.label-long", f"{site.where}.labels")]
