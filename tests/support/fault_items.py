"""Faults of the document, the batch and its items."""

from tests.support.planting import Site, Told, fault, setting


# the document
@fault("document")
def nothing_arrived(site: Site) -> Told:
    site.batch.as_bytes = b" \n"
    return [("manifest.empty", "manifest")]


@fault("document")
def another_encoding(site: Site) -> Told:
    site.batch.as_bytes = '{"title": "Bücher"}'.encode("latin-1")
    return [("manifest.not-utf8", "manifest")]


@fault("document")
def broken_off(site: Site) -> Told:
    site.batch.as_bytes = b'{"batch_id": "b-1", "items": ['
    return [("manifest.not-json", "manifest")]


@fault("document")
def no_manifest_in_the_store(site: Site) -> Told:
    site.batch.unstaged = True
    return [("batch.manifest-missing", "manifest")]


# the batch
setting("batch", "batch.id-malformed", "batch_id", "no good")
setting("batch", "batch.priority-unknown", "priority", "asap")
setting("batch", "batch.not-before-malformed", "not_before", "2031-01-01T18:00:00")
setting("batch", "person.not-a-pseudonym", "operator", "Anna Schmidt")
setting("batch", "manifest.metadata-schema-unknown", "metadata_schema", "MARC")
setting("batch", "manifest.field-unknown", "titel", "x")
setting("batch", "manifest.field-wrong-type", "project", 7)
setting("batch", "profile.unknown", "scanner_profile", "nowhere")
setting("batch", "profile.malformed", "scanner_profile", "misspelt")
setting("batch", "profile.rules-malformed", "scanner_profile", "ruleless")


@fault("batch")
def no_items(site: Site) -> Told:
    site.batch.body["items"] = []
    return [("batch.without-items", "items")]


@fault("batch")
def no_file_count(site: Site) -> Told:
    del site.batch.body["file_count"]
    return [("manifest.field-missing", "file_count")]


@fault("batch")
def too_few_files(site: Site) -> Told:
    site.batch.file_count_off_by = 1
    return [("manifest.file-count-mismatch", "file_count")]


@fault("batch")
def another_body(site: Site) -> Told:
    site.batch.digest = "d" * 64
    return [("manifest.digest-mismatch", "checksums.manifest_sha256")]


@fault("batch")
def another_announced(site: Site) -> Told:
    site.batch.announced = "c" * 64
    return [("manifest.not-as-announced", "checksums.manifest_sha256")]


@fault("batch")
def published_under_another_id(site: Site) -> Told:
    site.batch.announced_batch_id = "b-2"
    return [("batch.id-mismatch", "batch_id")]


# an item
setting("item", "item.id-malformed", "item_id", "Ms. fol. 88")
setting("item", "manifest.field-unknown", "tiitle", "x")
setting("item", "manifest.field-wrong-type", "languages", "lat")
setting("item", "manifest.field-out-of-range", "title", "x" * 2001)
setting("item", "manifest.text-broken", "title", "a\x0bb")
setting("item", "language.unknown", "languages", ["xx1"], "languages[0]")
setting("item", "language.script-unknown", "script", "Fraktur")
setting("item", "rights.access-unknown", "rights.access", "free")
setting("item", "rights.uri-malformed", "rights.uri", "public domain")
setting("item", "rights.uri-unusual", "rights.uri", "https://library.example/rights")
setting("item", "rights.embargo-malformed", "rights.embargo_until", "2031")
setting("item", "item.without-record", "metadata", [])


@fault("item")
def a_key_twice(site: Site) -> Told:
    assert site.item
    word = site.batch.fresh()
    site.item["title"] = word
    site.batch.as_text.append((f'"title": "{word}"', f'"title": "A", "title": "{word}"'))
    return [("manifest.key-duplicate", site.where)]


@fault("item")
def the_id_of_another(site: Site) -> Told:
    assert site.item
    site.item["item_id"] = "VOL-0"
    return [("item.id-duplicate", f"{site.where}.item_id")]


@fault("item")
def no_pages(site: Site) -> Told:
    assert site.item
    site.item["pages"] = []
    return [("item.without-pages", f"{site.where}.pages")]


@fault("item")
def only_missing_pages(site: Site) -> Told:
    assert site.item
    site.item["pages"] = [{"sequence": 1, "kind": "missing"}, {"sequence": 2, "kind": "missing"}]
    return [("item.all-pages-missing", f"{site.where}.pages")]


@fault("item")
def a_page_forgotten(site: Site) -> Told:
    assert site.item
    site.item["pages"][-1]["sequence"] += 3
    return [("item.sequence-gap", f"{site.where}.pages")]


@fault("item")
def part_of_itself(site: Site) -> Told:
    assert site.item
    site.item["part_of"] = site.item["item_id"].upper()
    return [("item.part-of-itself", f"{site.where}.part_of")]


@fault("item")
def an_embargo_and_open(site: Site) -> Told:
    assert site.item
    site.item["rights"] = {"access": "open", "embargo_until": "2040-01-01"}
    return [("rights.embargo-without-access", f"{site.where}.rights.embargo_until")]


@fault("item")
def no_model_for_its_language(site: Site) -> Told:
    assert site.item
    site.item["languages"] = ["heb"]
    page = site.item["pages"][0]
    page["languages"], page["kind"] = None, "page"
    page.pop("text", None)
    return [("language.model-missing", f"{site.where}.languages")]
