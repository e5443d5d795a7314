"""Inputs for the tests of the imaging steps."""

from pathlib import Path
from typing import Any

from processors import profile
from processors.tools import Area, Tools
from schemas.models import UNSTAMPED, FileRef, Head, PageAcquired, PageAdmitted
from streams.storage.memory import MemoryStorage

HEAD: Head = UNSTAMPED.model_copy(
    update={"batch_id": "b-1", "item_id": "ms-1", "page_id": "ms-1:0001", "revision": 1}
)


def memory_tools(folder: Path) -> Tools:
    """A store in memory and a scratch folder."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return Tools(MemoryStorage(folder / "store"), scratch)


def profile_ref(tools: Tools, name: str = "as-delivered", **changes: Any) -> FileRef:
    """A resolved profile in the store, changed where a test says so."""
    resolved = {**profile.resolve(name), **changes}
    return tools.storage.keep(
        profile.canonical(resolved), area=Area.RECORDS, use="profile", media_type="application/json"
    )


def an_admitted_page(
    tools: Tools,
    content: bytes,
    *,
    name: str = "0001.tif",
    rules: dict[str, Any] | None = None,
    **changes: Any,
) -> PageAdmitted:
    """A page whose capture is staged."""
    capture = tools.storage.keep(content, area=Area.STAGING, use="capture", media_type="image/tiff")
    fields = {
        "head": HEAD,
        "ref": "0001",
        "sequence": 1,
        "kind": "page",
        "layout": "single",
        "languages": ("eng",),
        "original_name": name,
        "priority": "normal",
        "required_branches": ("recognize_page",),
        "files": (capture, profile_ref(tools, **(rules or {}))),
    }
    return PageAdmitted(**{**fields, **changes})


def as_next_input(fact: PageAcquired) -> PageAcquired:
    """A fact as the driver hands it to the next step, head stamped."""
    return fact.model_copy(update={"head": HEAD})
