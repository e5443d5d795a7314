"""Writes the IIIF manifest of an item (https://iiif.io/api/presentation/3.0/)."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import TARGET, Payload
from processors.package_v2.iiif_annotations import CONTEXT, Canvas, annotation_page
from schemas.ids import page_id

FOLDER = "iiif"
ALTO_PROFILE = "http://www.loc.gov/standards/alto/ns-v4#"
RECORDS = (
    ("metadata/mets.xml", "METS", "text/xml", "http://www.loc.gov/METS/"),
    ("metadata/mods.xml", "MODS", "application/mods+xml", "http://www.loc.gov/mods/v3"),
)
"""Path below data, label, media type and profile of the records of an item."""
RIGHTS = ("http://creativecommons.org/", "http://rightsstatements.org/vocab/")
"""IIIF accepts these alone as rights, with the scheme http."""
NOT_SHOWN = (TARGET, "missing")
Json = dict[str, Any]


@dataclass(frozen=True)
class Chapter:
    """A division of the item."""

    id: str
    label: str
    pages: tuple[str, ...]
    """Refs of its pages."""
    chapters: tuple["Chapter", ...] = ()


@dataclass(frozen=True)
class IiifInput:
    """The input of a manifest."""

    item: ItemRecord
    contents: Contents
    base: str
    """Address of the folder `data` of the package."""
    owner: str | None
    """To whom the item is attributed."""
    chapters: Sequence[Chapter]
    size_of: Callable[[Payload], tuple[int, int] | None]
    """Width and height of an image."""
    read: Callable[[Payload], bytes]
    downloads: Sequence[Payload] = ()
    """Other forms of the item, such as its PDF."""

    def address(self, path: str) -> str:
        """The address of a path of the package or of a path below data."""
        return f"{self.base.rstrip('/')}/{quote(path.removeprefix('data/'))}"


def write_iiif(folder: Path, document: IiifInput) -> Iterator[tuple[str, Path]]:
    """Write the manifest, and a list of annotations for each page with text, to a folder. Gives the
    path in the package and the file of each, the manifest last.

    A viewer loads the list of a page when it shows the page: the text of 1,500 pages would make the
    manifest 15 MB larger."""
    folder.mkdir(parents=True, exist_ok=True)
    canvases, shown = folder / "canvases", dict[str, str]()
    files = document.contents.by_page()
    with canvases.open("w", encoding="utf-8") as out:
        for page in document.item.pages:
            own = files.get(page_id(document.item.item_id, page["ref"]), [])
            canvas = _canvas(document, page, own)
            if canvas is None:
                continue
            text = _annotations(document, page["ref"], canvas, own)
            if text is not None:
                path = folder / f"{page['ref']}.json"
                path.write_text(_written(text), encoding="utf-8")
                canvas["annotations"] = [{"id": text["id"], "type": "AnnotationPage"}]
                yield f"data/{FOLDER}/annotations/{page['ref']}.json", path
            out.write((",\n" if shown else "") + _written(canvas))
            shown[page["ref"]] = canvas["id"]
    if shown:
        manifest = folder / "manifest"
        _write_manifest(manifest, document, canvases, shown)
        yield f"data/{FOLDER}/manifest.json", manifest
    canvases.unlink()


def _written(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write_manifest(path: Path, document: IiifInput, canvases: Path, shown: dict[str, str]) -> None:
    """The head, the canvases from their file, and the structures: an item may have 20,000 pages."""
    head, structures = _head(document), list(_ranges(document, document.chapters, shown))
    with path.open("w", encoding="utf-8") as out, canvases.open(encoding="utf-8") as items:
        out.write(_written(head)[:-1] + ',"items":[\n')
        for line in items:
            out.write(line)
        out.write("\n]")
        if structures:
            out.write(',"structures":' + json.dumps(structures, ensure_ascii=False))
        out.write("}\n")


def _head(document: IiifInput) -> Json:
    item = document.item
    head: Json = {
        "@context": CONTEXT,
        "id": document.address(f"{FOLDER}/manifest.json"),
        "type": "Manifest",
        "label": _text(item.description.get("title") or item.item_id),
    }
    identifiers = item.description.get("identifiers") or ()
    if identifiers:
        head["metadata"] = [
            {"label": _text(one["type"]), "value": _text(one["value"])} for one in identifiers
        ]
    rights = (item.rights.uri or "").replace("https://", "http://", 1)
    if rights.startswith(RIGHTS):
        head["rights"] = rights
    attribution = [line for line in (document.owner, item.rights.holder) if line]
    if attribution:
        value = {"none": list(dict.fromkeys(attribution))}
        head["requiredStatement"] = {"label": {"en": ["Attribution"]}, "value": value}
    if document.downloads:
        head["rendering"] = [
            {
                "id": document.address(one.path),
                "type": "Text",
                "label": {"none": ["PDF"]},
                "format": one.media_type,
            }
            for one in document.downloads
        ]
    head["seeAlso"] = [
        {
            "id": document.address(path),
            "type": "Dataset",
            "label": {"en": [label]},
            "format": media_type,
            "profile": profile,
        }
        for path, label, media_type, profile in RECORDS
    ]
    return head


def _canvas(document: IiifInput, page: Json, files: Iterable[Payload]) -> Json | None:
    """A page as a canvas of the size of its access image; None if there is no such image."""
    by_use = {one.use: one for one in files}
    image = by_use.get("access")
    if image is None or page["kind"] in NOT_SHOWN:
        return None
    size = document.size_of(image)
    if size is None:
        return None
    name = document.address(f"{FOLDER}/canvas/{page['ref']}")
    body = _image(document, image, size)
    painting = {
        "id": f"{name}/painting/image",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": name,
    }
    canvas: Json = {
        "id": name,
        "type": "Canvas",
        "label": _text(" ".join(page.get("labels") or ()) or f"[{page['sequence']}]"),
        "width": size[0],
        "height": size[1],
        "items": [{"id": f"{name}/painting", "type": "AnnotationPage", "items": [painting]}],
    }
    small = by_use.get("thumbnail")
    small_size = document.size_of(small) if small else None
    if small and small_size:
        canvas["thumbnail"] = [_image(document, small, small_size)]
    alto = by_use.get("alto")
    if alto is not None:
        text = {"id": document.address(alto.path), "type": "Dataset", "label": {"en": ["ALTO"]}}
        canvas["seeAlso"] = [text | {"format": "text/xml", "profile": ALTO_PROFILE}]
    return canvas


def _annotations(
    document: IiifInput, ref: str, canvas: Json, files: Iterable[Payload]
) -> Json | None:
    alto = next((one for one in files if one.use == "alto"), None)
    if alto is None:
        return None
    name = document.address(f"{FOLDER}/annotations/{ref}.json")
    place = Canvas(canvas["id"], canvas["width"], canvas["height"])
    return annotation_page(name, document.read(alto), place)


def _image(document: IiifInput, payload: Payload, size: tuple[int, int]) -> Json:
    return {
        "id": document.address(payload.path),
        "type": "Image",
        "format": payload.media_type,
        "width": size[0],
        "height": size[1],
    }


def _ranges(
    document: IiifInput, chapters: Iterable[Chapter], shown: dict[str, str]
) -> Iterator[Json]:
    """The divisions as ranges, without those of which no page is shown."""
    for chapter in chapters:
        inner = list(_ranges(document, chapter.chapters, shown))
        pages = [{"id": shown[ref], "type": "Canvas"} for ref in chapter.pages if ref in shown]
        if inner or pages:
            yield {
                "id": document.address(f"{FOLDER}/range/{chapter.id}"),
                "type": "Range",
                "label": _text(chapter.label),
                "items": [*pages, *inner],
            }


def _text(value: str) -> dict[str, list[str]]:
    """A text in a language that is not stated."""
    return {"none": [value]}
