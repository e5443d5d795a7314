"""Builds the facts of an item's pages by hand, with their files in a store."""

import html
from datetime import timedelta
from hashlib import sha256
from typing import Any

from processors.tools import Area, Tools
from schemas import ids
from schemas.models import (
    Act,
    Agent,
    BatchAccepted,
    FileRef,
    ItemRegistered,
    PageAcquired,
    PageAdmitted,
    PageDerived,
    PageDescribed,
    PageRecognized,
    Producer,
    Record,
)
from tests.support import package_documents as documents
from tests.support.alto_pages import alto_page, block
from tests.support.builders import NOON, a_head


def head_of(run: str, name: str, **changes: Any) -> Any:
    """The head of a fact of a run, by a name of its own."""
    minutes = timedelta(minutes=len(run))
    producer = Producer(name="copystand/test", version="1", worker=worker_of(run))
    event = ids.make_id(run, name)
    return a_head(event_id=event, occurred_at=NOON + minutes, producer=producer, **changes)


def worker_of(run: str) -> str:
    """The worker that a run was on."""
    return f"worker-{sha256(run.encode()).hexdigest()[:8]}"


def facts_made(
    tools: Tools, pages: tuple[dict[str, Any], ...], run: str, *, readable: bool = False
) -> list[Record]:
    """The facts of an item of these pages in a run, without captures and completion.

    With `readable`, reading images are images, and texts agree. Packages of layout 1 have
    the digests that they had before."""
    facts: list[Record] = [
        BatchAccepted(
            head=head_of(run, "accepted", item_id=None, page_id=None),
            item_count=1,
            page_count=len(pages),
            manifest_sha256="ab" * 32,
            received_sha256="cd" * 32,
            scanner_profile="as-delivered",
            priority="normal",
            operator="o-17",
        ),
        ItemRegistered(
            head=head_of(run, "registered", page_id=None), page_count=len(pages), priority="normal"
        ),
    ]
    for page in pages:
        if page["file"]:
            facts += _page_facts(tools, page, run, readable)
    return facts


def with_its_file(page: dict[str, Any]) -> dict[str, Any]:
    """The entry with digest and size of its master."""
    if not page["file"]:
        return page
    content = _master_bytes(page)
    stated = {"sha256": sha256(content).hexdigest(), "size_bytes": len(content)}
    return page | {"file": page["file"] | stated}


def _master_bytes(page: dict[str, Any]) -> bytes:
    return f"master {page.get('looks_like', page['ref'])}".encode() * page.get("length", 100)


def _page_facts(tools: Tools, page: dict[str, Any], run: str, readable: bool) -> list[Record]:
    ref = page["ref"]
    head = {
        name: head_of(run, f"{name} {ref}", page_id=f"vol-1:{ref}")
        for name in ("admitted", "acquired", "derived", "described", "recognized")
    }
    shared = {name: page[name] for name in ("ref", "sequence", "kind", "layout")}
    name = page["file"]["path"].rpartition("/")[2]
    shared |= {"labels": tuple(page["labels"]), "original_name": name}
    master = tools.storage.keep(
        _master_bytes(page), area=Area.MASTERS, use="master", media_type="image/tiff"
    )
    admitted = PageAdmitted(head=head["admitted"], priority="normal", **shared)
    acquired = PageAcquired(
        head=head["acquired"],
        format_name="Tagged Image File Format",
        format_puid="fmt/353",
        width_px=100,
        height_px=200,
        bits_per_sample=8,
        samples_per_pixel=3,
        colour_space="rgb",
        resolution_dpi=300.0,
        image=page.get("image"),
        files=(master,),
        acts=(_warning(master),),
        **shared,
    )
    derived = PageDerived(
        head=head["derived"], **_made(tools, master, _images(ref, readable), "libvips")
    )
    described = PageDescribed(
        head=head["described"],
        capture_software="ScanGear 4",
        captured_at="2019-05-01T10:00:00",
        files=_described(tools, page),
    )
    texts = (
        _made(tools, master, _texts(page, readable), "tesseract")
        if page["kind"] != "target"
        else {}
    )
    recognized = PageRecognized(
        head=head["recognized"],
        words=1,
        characters=5,
        read=bool(texts),
        provided="text" in page,
        **texts,
    )
    return [admitted, acquired, derived, described, recognized]


def _warning(master: FileRef) -> Act:
    return Act(
        type="validation",
        outcome="war",
        code="page.icc-missing",
        detail="No ICC profile; a \x00 in the tag",
        agents=(Agent(type="software", name="libvips", version="8.18", role="executing program"),),
        sources=(f"sha256:{master.sha256}",),
    )


def _made(
    tools: Tools, master: FileRef, contents: dict[str, tuple[str, bytes]], program: str
) -> dict[str, Any]:
    """Files that a program made of a master, and the act that tells so."""
    files = tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type=media_type)
        for use, (media_type, content) in contents.items()
    )
    act = Act(
        type="creation",
        outcome="suc",
        detail=f"Made by {program}",
        agents=(Agent(type="software", name=program, version="5", role="executing program"),),
        sources=(f"sha256:{master.sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in files),
    )
    return {"files": files, "acts": (act,)}


def _images(ref: str, readable: bool) -> dict[str, tuple[str, bytes]]:
    if readable:
        return {
            "pyramid": ("image/tiff", documents.tiff(ref)),
            "access": ("image/jpeg", documents.jpeg(ref)),
            "thumbnail": ("image/jpeg", documents.jpeg(ref, 25, 50)),
        }
    return {
        "pyramid": ("image/tiff", b"II*\0 pyramid " + ref.encode()),
        "access": ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1 access " + ref.encode()),
        "thumbnail": ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1 small " + ref.encode()),
    }


def _described(tools: Tools, page: dict[str, Any]) -> tuple[FileRef, ...]:
    contents = {"mix": documents.mix(100, 200), "embedded": b"{}"}
    if page.get("embedded"):
        contents["embedded-dc"] = documents.embedded_dc(page["embedded"])
    return tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type="application/xml")
        for use, content in contents.items()
    )


def _texts(page: dict[str, Any], readable: bool) -> dict[str, tuple[str, bytes]]:
    """The texts of a page. Readable ones have the `lines` of its entry, or one line."""
    ref, lines = page["ref"], page.get("lines") or [f"text {page['ref']}"]
    alto = alto_page([block("b1", lines, 5, 5)], width=100, height=200)
    hocr = "".join(
        f"<span class='ocrx_word'>{html.escape(word)}</span>\n" for word in " ".join(lines).split()
    )
    return {
        "alto": ("application/xml", alto if readable else documents.alto(ref)),
        "hocr": ("text/html", (hocr if readable else f"hocr {ref}").encode()),
        "text": ("text/plain", "\n".join(lines).encode()),
        "tsv": ("text/tab-separated-values", f"tsv {ref}".encode()),
        "pdf": ("application/pdf", f"%PDF-1.5 {ref}".encode()),
    }
