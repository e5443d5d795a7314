"""The IIIF manifest of an item, judged by the JSON schema of the validator of IIIF."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from processors.package.contents import contents_of
from processors.package.item_record import read_item
from processors.package.layout import Payload
from processors.package_v2.iiif_manifest import Chapter, IiifInput, write_iiif
from processors.tools import Tools
from tests.support.corpora import corpus
from tests.support.package_builders import PAGES, a_completed_item, memory_tools

BASE = "https://repository.example/items/vol-1"
CHAPTERS = (
    Chapter("LOG_0000", "Psalter", (), (Chapter("LOG_0001", "Binding", ("0001",)),)),
    Chapter("LOG_0002", "Lost", ("0003",)),
)
ALTO = (
    '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout>'
    '<Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="100" HEIGHT="200"><PrintSpace><TextBlock ID="b">'
    '<TextLine ID="l" HPOS="10" VPOS="20.4" WIDTH="50" HEIGHT="10">'
    '<String CONTENT="In"/><SP/><String CONTENT="prin&amp;"/><HYP CONTENT="-"/></TextLine>'
    '<TextLine ID="m" HPOS="10" VPOS="35" WIDTH="500" HEIGHT="10"><String CONTENT="cipio"/>'
    '</TextLine><TextLine ID="n" HPOS="0" VPOS="0" WIDTH="1" HEIGHT="1"><String CONTENT=" "/>'
    "</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"
)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def written(tools: Tools, size: tuple[int, int] = (200, 400), **item: Any) -> dict[str, Any]:
    """The documents of an item by their path below data/iiif/."""
    record = read_item(a_completed_item(tools, layout=2, **item), tools)

    def size_of(payload: Payload) -> tuple[int, int]:
        return (20, 40) if payload.use == "thumbnail" else size

    document = IiifInput(
        record,
        contents_of(record),
        BASE + "/",
        "City Library",
        CHAPTERS,
        size_of,
        lambda payload: ALTO.encode() if payload.ref == "0002" else b"<alto/>",
    )
    return {
        path.removeprefix("data/iiif/"): json.loads(file.read_text("utf-8"))
        for path, file in write_iiif(tools.scratch / "iiif", document)
    }


def test_the_manifest_has_a_canvas_for_each_page_that_can_be_shown(tools: Tools) -> None:
    manifest = written(tools)["manifest.json"]

    assert {key: value for key, value in manifest.items() if key not in ("items", "seeAlso")} == {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{BASE}/iiif/manifest.json",
        "type": "Manifest",
        "label": {"none": ["Psalter & Hymns"]},
        "metadata": [{"label": {"none": ["shelfmark"]}, "value": {"none": ["Ms. <fol> 88 ſ"]}}],
        "rights": "http://rightsstatements.org/vocab/NoC-NC/1.0/",
        "requiredStatement": {
            "label": {"en": ["Attribution"]},
            "value": {"none": ["City Library", "Library & Archive"]},
        },
        # Page 3 is missing, so the second chapter has nothing to show; page 4 is a target.
        "structures": [
            {
                "id": f"{BASE}/iiif/range/LOG_0000",
                "type": "Range",
                "label": {"none": ["Psalter"]},
                "items": [
                    {
                        "id": f"{BASE}/iiif/range/LOG_0001",
                        "type": "Range",
                        "label": {"none": ["Binding"]},
                        "items": [{"id": f"{BASE}/iiif/canvas/0001", "type": "Canvas"}],
                    }
                ],
            }
        ],
    }
    assert [one["id"] for one in manifest["seeAlso"]] == [
        f"{BASE}/metadata/mets.xml",
        f"{BASE}/metadata/mods.xml",
    ]
    assert [one["label"] for one in manifest["items"]] == [{"none": ["[1]"]}, {"none": ["1v 2r"]}]
    canvas = f"{BASE}/iiif/canvas/0002"
    assert manifest["items"][1] == {
        "id": canvas,
        "type": "Canvas",
        "label": {"none": ["1v 2r"]},
        "width": 200,
        "height": 400,
        "items": [
            {
                "id": f"{canvas}/painting",
                "type": "AnnotationPage",
                "items": [
                    {
                        "id": f"{canvas}/painting/image",
                        "type": "Annotation",
                        "motivation": "painting",
                        "body": {
                            "id": f"{BASE}/access/vol-1_0002.jpg",
                            "type": "Image",
                            "format": "image/jpeg",
                            "width": 200,
                            "height": 400,
                        },
                        "target": canvas,
                    }
                ],
            }
        ],
        "thumbnail": [
            {
                "id": f"{BASE}/access/vol-1_0002.thumbnail.jpg",
                "type": "Image",
                "format": "image/jpeg",
                "width": 20,
                "height": 40,
            }
        ],
        "seeAlso": [
            {
                "id": f"{BASE}/text/vol-1_0002.xml",
                "type": "Dataset",
                "label": {"en": ["ALTO"]},
                "format": "text/xml",
                "profile": "http://www.loc.gov/standards/alto/ns-v4#",
            }
        ],
        "annotations": [{"id": f"{BASE}/iiif/annotations/0002.json", "type": "AnnotationPage"}],
    }


def test_the_lines_of_a_page_are_annotations_in_pixels_of_its_canvas(tools: Tools) -> None:
    documents = written(tools)

    # The other pages have no text.
    assert sorted(documents) == ["annotations/0002.json", "manifest.json"]
    name, canvas = f"{BASE}/iiif/annotations/0002.json", f"{BASE}/iiif/canvas/0002"
    assert documents["annotations/0002.json"]["id"] == name
    assert [
        (one["id"], one["motivation"], one["body"]["value"], one["target"])
        for one in documents["annotations/0002.json"]["items"]
    ] == [
        (f"{name}/1", "supplementing", "In prin&-", f"{canvas}#xywh=20,41,100,20"),
        # It is cut at the edge of the canvas.
        (f"{name}/2", "supplementing", "cipio", f"{canvas}#xywh=20,70,180,20"),
    ]


def test_a_text_of_other_proportions_is_about_the_whole_canvas(tools: Tools) -> None:
    lines = written(tools, size=(400, 200))["annotations/0002.json"]["items"]

    assert {one["target"] for one in lines} == {f"{BASE}/iiif/canvas/0002"}


def test_rights_that_iiif_does_not_know_are_left_out(tools: Tools) -> None:
    rights = {"uri": "https://library.example/rights"}
    manifest = written(tools, rights=rights, identifiers=[], title=None)["manifest.json"]

    assert "rights" not in manifest and "metadata" not in manifest
    assert manifest["label"] == {"none": ["vol-1"]}


def test_an_item_without_a_page_to_show_has_no_manifest(tools: Tools) -> None:
    assert written(tools, pages=(PAGES[2], PAGES[3])) == {}


@pytest.mark.parametrize("rights", [None, "https://creativecommons.org/licenses/by/4.0/"])
def test_the_validator_of_iiif_accepts_every_document(tools: Tools, rights: str | None) -> None:
    schema = json.loads((corpus("iiif") / "schema" / "iiif_3_0.json").read_text("utf-8"))
    validate = fastjsonschema.compile(schema)

    documents = written(tools, rights={"uri": rights})

    for document in documents.values():
        validate(document)
    ids = Counter(_ids(documents["manifest.json"]))
    assert {name for name, count in ids.items() if count > 1} == {f"{BASE}/iiif/canvas/0001"}
    with pytest.raises(fastjsonschema.JsonSchemaException):
        validate({**documents["manifest.json"], "items": None})


def _ids(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for one in value for name in _ids(one)]
    if not isinstance(value, dict):
        return []
    own = [value["id"]] if "id" in value else []
    return own + [name for one in value.values() for name in _ids(one)]
